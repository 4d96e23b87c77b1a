import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { PassThrough, Readable, Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { largeBytes, smallBytes } from '../../gateway/blobs/buffers.ts';
import { sendGathered } from '../../gateway/gathered-body.ts';

const recordBytes = 16 * 1024;

/** Chunks as TLS hands them over, each in memory of its own. */
function* records(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += recordBytes) {
    const record = Buffer.allocUnsafeSlow(Math.min(recordBytes, bytes.length - at));
    bytes.copy(record, 0, at);
    yield record;
  }
}

/** A destination that keeps what it gets, and is done with a write when the test says so. */
function slowDestination() {
  const writes: Buffer[] = [];
  let done: (() => void) | undefined;
  const destination = new Writable({
    highWaterMark: 1,
    write(chunk: Buffer, _encoding, callback) {
      writes.push(Buffer.from(chunk));
      done = callback;
    },
  });
  const release = () => {
    const callback = done;
    done = undefined;
    callback?.();
  };
  return { writes, destination, release };
}

for (const size of [0, 1, recordBytes, smallBytes, 10_000_001]) {
  test(`a body of ${size} bytes arrives as it was, in few writes`, async () => {
    const bytes = randomBytes(size);
    let writes = 0;
    const destination = new PassThrough({ highWaterMark: 2 ** 30 });
    const write = destination.write.bind(destination);
    destination.write = ((chunk: Buffer, done: (error?: Error | null) => void) => {
      writes++;
      // The buffer is filled again once the destination is done with it, as sockets are when they call back.
      return write(Buffer.from(chunk), done);
    }) as typeof destination.write;
    sendGathered(Readable.from(records(bytes), { objectMode: false }), destination);
    const received = buffer(destination);
    assert.ok(bytes.equals(await received));
    assert.ok(writes <= 10_000_001 / smallBytes, `${writes} writes`);
  });
}

test('what is read ahead of a slow destination is bounded, and nothing of it is lost', async () => {
  const bytes = randomBytes(20_000_000);
  let taken = 0;
  const source = Readable.from(
    (function* () {
      for (const record of records(bytes)) {
        taken += record.length;
        yield record;
      }
    })(),
    { objectMode: false, highWaterMark: recordBytes },
  );
  const { writes, destination, release } = slowDestination();
  sendGathered(source, destination);
  const finished = once(destination, 'finish');
  let isFinished = false;
  finished.then(() => (isFinished = true));
  let sent = 0;
  while (!isFinished) {
    await new Promise(setImmediate);
    const received = writes.reduce((total, chunk) => total + chunk.length, 0);
    // One buffer that goes out, one that is filled, and what streams hold by themselves.
    assert.ok(taken - sent <= 2 * largeBytes + 4 * recordBytes, `${taken - sent} bytes are held`);
    sent = received;
    release();
  }
  assert.ok(bytes.equals(Buffer.concat(writes)));
});

test('bytes of a client that pauses are not kept back', async () => {
  const source = new PassThrough();
  const { writes, destination, release } = slowDestination();
  sendGathered(source, destination);
  for (const text of ['one', 'two']) {
    source.write(text);
    while (Buffer.concat(writes).length < (text === 'one' ? 3 : 6)) await new Promise(setImmediate);
    release();
  }
  assert.equal(Buffer.concat(writes).toString(), 'onetwo');
});

test('once it is stopped the source may be read by others, and the destination gets no more', async () => {
  const source = new PassThrough();
  const { writes, destination } = slowDestination();
  const stop = sendGathered(source, destination);
  source.write(randomBytes(1_000_000));
  while (writes.length === 0) await new Promise(setImmediate);
  stop();
  stop();
  source.end('rest');
  source.resume();
  await once(source, 'end');
  assert.equal(writes.length, 1);
  assert.equal(destination.writableEnded, false);
});
