import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type Batch, entrySeparator } from '../../gateway/audit/batch.ts';
import { EntryQueue, type QueueState } from '../../gateway/audit/queue.ts';
import type { AuditEntry } from '../../runtime/audit-entry.ts';

function entry(number: number): AuditEntry {
  return {
    at: number,
    action: 'pull',
    actor: '',
    actorKind: 'anonymous',
    result: 'ok',
    requestId: String(number),
  };
}

/** A sink that fails while told to. */
function controlledSink() {
  const written: string[] = [];
  const batches: Batch[] = [];
  const changes: QueueState[] = [];
  const sink = { written, batches, changes, fails: false };
  const queue = new EntryQueue(
    async (batch) => {
      if (sink.fails) throw new Error('database or disk is full');
      batches.push(batch);
      if (batch.count === 0) return;
      const lines = batch.entries.split(entrySeparator);
      assert.equal(lines.length, batch.count);
      written.push(...lines.map((line) => JSON.parse(line).requestId));
    },
    (state) => changes.push(state),
  );
  return { queue, sink };
}

const numbers = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => String(from + index));

test('entries go in batches, in order, within a quarter of a second or a thousand', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  t.mock.method(performance, 'now', () => 0);
  const { queue, sink } = controlledSink();
  for (let number = 0; number < 1000; number++) queue.add(entry(number));
  queue.add(entry(1000));
  assert.equal(sink.batches.length, 1, 'a thousand do not wait');
  await new Promise(setImmediate);
  t.mock.timers.tick(249);
  assert.equal(sink.batches.length, 1);
  t.mock.timers.tick(1);
  await new Promise(setImmediate);
  assert.deepEqual(sink.written, numbers(0, 1001));
  assert.deepEqual([sink.batches[0]!.firstAt, sink.batches[0]!.lastAt], [0, 999]);
  assert.deepEqual(queue.state(), { written: 1001, waiting: 0, dropped: 0, error: null });
});

test('what came during a slow write has waited already', async () => {
  const writes: PromiseWithResolvers<void>[] = [];
  const queue = new EntryQueue(
    (): Promise<void> => {
      writes.push(Promise.withResolvers<void>());
      return writes.at(-1)!.promise;
    },
    () => {},
  );
  for (let number = 0; number < 1000; number++) queue.add(entry(number));
  queue.add(entry(1000));
  await delay(300);
  assert.equal(writes.length, 1, 'one at a time');
  writes[0]!.resolve();
  await delay(0);
  await delay(5);
  assert.deepEqual([writes.length, queue.state().waiting], [2, 0]);
  writes[1]!.resolve();
  await queue.close();
});

test('what cannot be written waits, up to a bound; beyond it is counted; then it is written in order', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { queue, sink } = controlledSink();
  sink.fails = true;
  queue.use({ credential: 'personal-token:1', at: 1, address: '::1' });
  for (let number = 0; number < 20_500; number++) {
    queue.add(entry(number));
    // A batch that comes back must not make room for more than there is.
    if (number % 1000 === 0) await new Promise(setImmediate);
  }
  await new Promise(setImmediate);
  const { waiting, dropped, error } = queue.state();
  assert.deepEqual([waiting, dropped, error], [20_000, 500, 'database or disk is full']);
  t.mock.timers.tick(1000);
  await new Promise(setImmediate);
  assert.equal(sink.changes.length, 1, 'the trouble is told once');
  sink.fails = false;
  t.mock.timers.tick(1000);
  await new Promise(setImmediate);
  assert.deepEqual(sink.written, numbers(0, 20_000));
  assert.deepEqual(sink.batches[0]!.uses, [{ credential: 'personal-token:1', at: 1, address: '::1' }]);
  assert.deepEqual(
    sink.changes.map((change) => change.error),
    ['database or disk is full', null],
  );
});

test('closing writes what waits; of a credential only the last use', async () => {
  const { queue, sink } = controlledSink();
  queue.add(entry(1));
  queue.use({ credential: 'robot-secret:1', at: 1, address: '::1' });
  queue.use({ credential: 'robot-secret:1', at: 2, address: '::2' });
  await queue.close();
  assert.deepEqual(sink.written, ['1']);
  assert.deepEqual(sink.batches[0]!.uses, [{ credential: 'robot-secret:1', at: 2, address: '::2' }]);
});

test('what comes after closing is not written: nothing would end the writer again', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { queue, sink } = controlledSink();
  await queue.close();
  queue.add(entry(1));
  queue.use({ credential: 'robot-secret:1', at: 1, address: '::1' });
  for (let number = 2; number < 1003; number++) queue.add(entry(number));
  t.mock.timers.tick(10_000);
  await new Promise(setImmediate);
  assert.deepEqual(sink.batches, []);
});

test('closing while nothing can be written tries once and stays closed', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { queue, sink } = controlledSink();
  sink.fails = true;
  queue.add(entry(1));
  await queue.close();
  sink.fails = false;
  t.mock.timers.tick(10_000);
  await new Promise(setImmediate);
  assert.deepEqual(sink.written, []);
});
