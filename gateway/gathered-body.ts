import type { Readable, Writable } from 'node:stream';
import { releaseChunk } from '../runtime/release-chunk.ts';
import { type BlobBuffer, giveBack, takeBuffer } from './blobs/buffers.ts';

/**
 * Sends a client's body on to the core and ends it there. TLS hands over chunks of at most 16 KiB; what comes
 * within one turn of the event loop goes out in one write, warm as it is. While that is under way the next buffer is
 * filled, and when that is full too, nothing more is read.
 * @returns what stops it, and leaves the source to whoever wants the rest of its bytes.
 */
export function sendGathered(source: Readable, destination: Writable): () => void {
  return new GatheredBody(source, destination).stop;
}

class GatheredBody {
  readonly #source: Readable;
  readonly #destination: Writable;
  #buffer: BlobBuffer = takeBuffer(0);
  #filled = 0;
  #sending: BlobBuffer | undefined;
  /** Bytes that were sent or are being sent. */
  #sent = 0;
  #turn: NodeJS.Immediate | undefined;
  /** A chunk of which only the bytes before `position` found room. Nothing is read while there is one. */
  #left: { chunk: Uint8Array; position: number } | undefined;
  #hasEnded = false;
  #isOver = false;

  constructor(source: Readable, destination: Writable) {
    this.#source = source;
    this.#destination = destination;
    source.on('data', this.#onData);
    source.once('end', this.#onEnd);
    destination.once('close', this.stop);
  }

  readonly #onData = (chunk: Uint8Array): void => {
    this.#take(chunk, 0);
    if (this.#left) this.#source.pause();
    if (!this.#sending) this.#turn ??= setImmediate(this.#onTurn);
  };

  readonly #onTurn = (): void => {
    this.#turn = undefined;
    if (!this.#sending && !this.#hasEnded) this.#send();
  };

  readonly #onEnd = (): void => {
    this.#hasEnded = true;
    if (!this.#sending) this.#finish();
  };

  /** Fills the buffer, sends it when it is full, and keeps what is too much. */
  #take(chunk: Uint8Array, start: number): void {
    for (let position = start; position < chunk.length; ) {
      const { bytes } = this.#buffer;
      if (this.#filled === bytes.length) {
        if (this.#sending) {
          this.#left = { chunk, position };
          return;
        }
        this.#send();
        continue;
      }
      const count = Math.min(bytes.length - this.#filled, chunk.length - position);
      bytes.set(chunk.subarray(position, position + count), this.#filled);
      this.#filled += count;
      position += count;
    }
    releaseChunk(chunk);
  }

  #send(): void {
    if (this.#filled === 0) return;
    const bytes = this.#buffer.bytes.subarray(0, this.#filled);
    this.#sending = this.#buffer;
    this.#sent += this.#filled;
    this.#filled = 0;
    this.#buffer = takeBuffer(this.#sent);
    this.#destination.write(bytes, (error) => {
      if (error || !this.#sending) return;
      giveBack(this.#sending, true);
      this.#sending = undefined;
      this.#goOn();
    });
  }

  #goOn(): void {
    const left = this.#left;
    if (left) {
      this.#left = undefined;
      this.#take(left.chunk, left.position);
      if (!this.#left) this.#source.resume();
    }
    if (this.#sending) return;
    if (this.#hasEnded) this.#finish();
    else if (this.#filled > 0) this.#turn ??= setImmediate(this.#onTurn);
  }

  #finish(): void {
    this.#destination.end(this.#buffer.bytes.subarray(0, this.#filled));
  }

  readonly stop = (): void => {
    if (this.#isOver) return;
    this.#isOver = true;
    clearImmediate(this.#turn);
    this.#source.off('data', this.#onData);
    this.#source.off('end', this.#onEnd);
    // What did not go out may still be read from.
    if (this.#sending) giveBack(this.#sending, false);
    this.#sending = undefined;
    giveBack(this.#buffer, this.#destination.writableFinished);
  };
}
