import type { Socket } from 'node:net';

/**
 * Messages over one stream, many under way at once, each of a JSON head and bytes:
 *
 *     length of the rest (u32) · id (u32) · length of the head (u32) · head (UTF-8) · body
 *
 * Numbers are big-endian. What is sent within one turn of the event loop goes out in one write: with small messages
 * most of the cost is system calls.
 */
export interface Message {
  id: number;
  head: unknown;
  body: Buffer;
}

const prefixBytes = 12;
const none = Buffer.alloc(0);

export class MessageSender {
  readonly #socket: Socket;
  #waiting: Buffer[] = [];

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  send(id: number, head: unknown, body: Uint8Array = none): void {
    const text = JSON.stringify(head);
    const headBytes = Buffer.byteLength(text);
    const start = Buffer.allocUnsafe(prefixBytes + headBytes);
    start.writeUInt32BE(prefixBytes - 4 + headBytes + body.length, 0);
    start.writeUInt32BE(id, 4);
    start.writeUInt32BE(headBytes, 8);
    start.write(text, prefixBytes);
    if (this.#waiting.length === 0) setImmediate(() => this.#flush());
    this.#waiting.push(start);
    if (body.length > 0) this.#waiting.push(Buffer.from(body.buffer, body.byteOffset, body.length));
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    if (this.#socket.destroyed) return;
    this.#socket.write(waiting.length === 1 ? waiting[0]! : Buffer.concat(waiting));
  }
}

/**
 * Puts the messages of a stream together again.
 * @param maxBytes of a message; the stream is destroyed by a longer one.
 */
export function readMessages(socket: Socket, maxBytes: number, take: (message: Message) => void): void {
  let rest: Buffer = none;
  socket.on('data', (chunk: Buffer) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    while (bytes.length - at >= prefixBytes) {
      const length = bytes.readUInt32BE(at);
      const headBytes = bytes.readUInt32BE(at + 8);
      if (length > maxBytes || headBytes + prefixBytes - 4 > length) {
        socket.destroy(new Error(`a message of ${length} bytes, at most ${maxBytes} are taken`));
        return;
      }
      const end = at + 4 + length;
      if (end > bytes.length) break;
      const bodyAt = at + prefixBytes + headBytes;
      const head = JSON.parse(bytes.toString('utf8', at + prefixBytes, bodyAt));
      take({ id: bytes.readUInt32BE(at + 4), head, body: bytes.subarray(bodyAt, end) });
      at = end;
    }
    rest = at === bytes.length ? none : bytes.subarray(at);
  });
}
