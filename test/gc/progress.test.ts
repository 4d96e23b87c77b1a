import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Progress, type ProgressReport } from '../../gc/progress.ts';
import { newReport } from '../../gc/report.ts';
import { collect } from '../../gc/run.ts';
import { logProgress, RunProgress } from '../../gc/run-progress.ts';
import { replacing } from '../registry-core/support.ts';
import { clockAfter, hour, image, openStores } from './support.ts';

test('progress counts up to what is known, and never says less is to do than was done', () => {
  const progress = new Progress();
  assert.deepEqual(progress.report(), {
    phase: 'starting',
    done: 0,
    total: 0,
    bytes_done: 0,
    bytes_total: 0,
    seconds_left: null,
  });
  progress.begin('verifying', 4, 400);
  progress.advance(1, 100);
  assert.deepEqual(progress.report(), {
    phase: 'verifying',
    done: 1,
    total: 4,
    bytes_done: 100,
    bytes_total: 400,
    seconds_left: null,
  });
  progress.advance(9, 900);
  const { done, total, bytes_done: bytesDone, bytes_total: bytesTotal } = progress.report();
  assert.deepEqual([done, total, bytesDone, bytesTotal], [10, 10, 1000, 1000]);
});

test('the time left is by what was done in the time that passed, by bytes where there are any', (t) => {
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  const progress = new Progress();
  progress.begin('verifying', 10, 1000);
  progress.advance(5, 100);
  now = 400;
  assert.equal(progress.report().seconds_left, null, 'too early to tell');
  now = 2000;
  assert.equal(progress.report().seconds_left, 18);
  progress.begin('listing', 10);
  now = 4000;
  assert.equal(progress.report().seconds_left, null, 'nothing was done yet');
  progress.advance(5);
  assert.equal(progress.report().seconds_left, 2);
});

test('a run says how far it is while it marks and sweeps', async (t) => {
  const stores = await openStores(t);
  for (const name of ['a', 'b', 'c']) await stores.putManifest(name, image(await stores.pushBlob(name), []));
  stores.age(1000 * hour);
  const progress = new RunProgress(stores.collection);
  const reports: ProgressReport[] = [];
  // One manifest, or one batch of links or blobs, a transaction, and a look at the progress after each.
  const collection = replacing(stores.collection, {
    async mark() {
      reports.push(await progress.read());
      return stores.collection.mark(0);
    },
    async forgetCondemned(blobs) {
      reports.push(await progress.read());
      return stores.collection.forgetCondemned(blobs);
    },
  });
  await collect({
    collection,
    store: stores.store,
    clock: clockAfter(0, 0),
    eventsRetentionMs: hour,
    progress,
  });
  const marking = reports.filter(({ phase }) => phase === 'marking');
  assert.ok(marking.length > 6, `${marking.length}`);
  assert.deepEqual([marking[0]!.done, marking.at(-1)!.done], [0, 9]);
  for (const { done, total } of marking) assert.ok(done <= total && (total > 0 || done === 0));
  assert.ok(marking[0]!.total >= 3, 'due entries are known from the start');
  const [sweeping] = reports.filter(({ phase }) => phase === 'sweeping');
  assert.deepEqual([sweeping!.done, sweeping!.total, sweeping!.bytes_done], [0, 3, 192]);
  assert.ok(sweeping!.bytes_total >= 192);
});

test('a run that takes its time writes how far it is to the log every ten seconds, until it ends', async (t) => {
  const stores = await openStores(t);
  await stores.pushBlob('a');
  stores.age(100 * hour);
  const progress = new RunProgress(stores.collection);
  progress.begin('marking', newReport(false, new Date()));
  t.mock.timers.enable({ apis: ['setInterval'] });
  const lines: unknown[] = [];
  const log = { debug() {}, warn() {}, error() {}, info: (...line: unknown[]) => void lines.push(line) };
  const end = logProgress(progress, log);
  t.mock.timers.tick(9_999);
  await turn();
  assert.deepEqual(lines, []);
  t.mock.timers.tick(1);
  await turn();
  const expected = { phase: 'marking', done: 0, total: 2, bytes_done: 0, bytes_total: 0, seconds_left: null };
  assert.deepEqual(lines, [['collection under way', { progress: expected }]]);
  end();
  t.mock.timers.tick(60_000);
  await turn();
  assert.equal(lines.length, 1);
});
