import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Handler } from '../../gateway/workers/channel.ts';
import { ChannelError } from '../../gateway/workers/channel.ts';
import { openDirectChannel } from '../../gateway/workers/direct.ts';
import { type Batch, Link } from '../../gateway/workers/link.ts';
import type { Log } from '../../runtime/log.ts';

const errors: string[] = [];
const log: Log = { debug() {}, info() {}, warn() {}, error: (message) => void errors.push(message) };

/** Two ends, joined by what a channel between processes does to messages: JSON, in order, later. */
function pair(ofPrimary: Record<string, Handler>, ofWorker: Record<string, Handler> = {}) {
  const batches: Batch[] = [];
  const options = (handlers: Record<string, Handler>, worker: number, other: () => Link) => ({
    handlers: new Map(Object.entries(handlers)),
    worker,
    log,
    send: (batch: Batch, sent: (error: null) => void) => {
      batches.push(batch);
      const text = JSON.stringify(batch);
      setImmediate(() => {
        sent(null);
        other().receive(JSON.parse(text));
      });
    },
  });
  const primary: Link = new Link(options(ofPrimary, 7, () => worker));
  const worker: Link = new Link(options(ofWorker, 0, () => primary));
  return { primary, worker, batches };
}

test('a call gets its own answer, a failure its message; the handler is told which worker asks', async () => {
  const { worker } = pair({
    double: async (value: number, from) => ({ value: value * 2, from }),
    fail: () => {
      throw new Error('not today');
    },
  });
  const answers = await Promise.all([1, 2, 3].map((value) => worker.call('double', value)));
  assert.deepEqual(
    answers,
    [2, 4, 6].map((value) => ({ value, from: 7 })),
  );
  await assert.rejects(worker.call('fail', null), { message: 'not today' });
  await assert.rejects(worker.call('nothing', null), { message: 'nobody serves "nothing"' });
});

test('what comes up in one turn goes as one message, in its order', async () => {
  const seen: unknown[] = [];
  const note = (value: unknown) => void seen.push(value);
  const { worker, batches } = pair({ note, count: () => seen.length });
  for (let index = 0; index < 100; index++) worker.post('note', index);
  assert.equal(await worker.call('count', null), 100);
  assert.deepEqual(seen, [...Array(100).keys()]);
  assert.equal(batches.length, 2);
});

test('the primary asks workers the same way', async () => {
  const { primary } = pair({}, { status: () => ({ requests: 3 }) });
  assert.deepEqual(await primary.call('status', null), { requests: 3 });
});

test('who waits when the other process goes is told, and so is who asks later', async () => {
  const { worker } = pair({ never: () => new Promise(() => {}) });
  const waiting = worker.call('never', null);
  worker.close();
  await assert.rejects(waiting, ChannelError);
  await assert.rejects(worker.call('never', null), ChannelError);
  worker.post('note', 1);
});

test('what comes from elsewhere on the channel is left alone', () => {
  const { worker } = pair({});
  for (const message of [null, 1, 'x', { type: 'ready' }, { batch: 3 }]) worker.receive(message);
});

test('a post that fails is logged, by either kind of channel', async () => {
  errors.length = 0;
  const fail = async () => {
    throw new Error('disk full');
  };
  const { worker } = pair({ fail, pong: () => 'pong' });
  worker.post('fail', null);
  assert.equal(await worker.call('pong', null), 'pong');
  const { channel, hub } = openDirectChannel(log);
  hub.serve('fail', fail);
  channel.post('fail');
  channel.post('nobody');
  await new Promise(setImmediate);
  assert.equal(errors.length, 3);
});

test('in one process the same calls go straight through', async () => {
  const { channel, hub } = openDirectChannel(log);
  hub.serve('double', (value: number, from) => [value * 2, from]);
  channel.serve('status', () => ({ requests: 3 }));
  assert.deepEqual(await channel.call('double', 4), [8, 1]);
  assert.deepEqual(await hub.askAll('status'), [{ requests: 3 }]);
  assert.ok(channel.sharedSecret.equals(hub.sharedSecret));
  assert.equal(channel.sharedSecret.length, 32);
});
