import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HeldCounts } from '../../gateway/limits/held-counts.ts';
import { MemoryCounters } from '../../gateway/limits/memory-counters.ts';
import { countersOver, serveCounters } from '../../gateway/limits/shared-counters.ts';
import { openDirectChannel } from '../../gateway/workers/direct.ts';
import type { Log } from '../../runtime/log.ts';

const minute = 60_000;
const rate = { points: 3, windowMs: minute };
const log: Log = { debug() {}, info() {}, warn() {}, error: (message) => assert.fail(message) };

function openCounters(maxKeys?: number) {
  let time = 0;
  const counters = new MemoryCounters({ now: () => time, ...(maxKeys && { maxKeys }) });
  return {
    counters,
    pass(ms: number) {
      time += ms;
    },
  };
}

test('so many in a window that begins with the first one and ends as a whole', async () => {
  const { counters, pass } = openCounters();
  assert.deepEqual(await counters.look('a', rate), { admitted: true, used: 0, resetMs: 0 });
  assert.deepEqual(await counters.take('a', rate), { admitted: true, used: 1, resetMs: minute });
  pass(20_000);
  assert.deepEqual(await counters.take('a', rate), { admitted: true, used: 2, resetMs: 40_000 });
  assert.deepEqual(await counters.take('a', rate), { admitted: true, used: 3, resetMs: 40_000 });
  // What is refused is not counted.
  for (let index = 0; index < 5; index++)
    assert.deepEqual(await counters.take('a', rate), { admitted: false, used: 3, resetMs: 40_000 });
  assert.deepEqual(await counters.look('a', rate), { admitted: false, used: 3, resetMs: 40_000 });
  assert.equal((await counters.take('b', rate)).used, 1);
  pass(40_000);
  assert.deepEqual(await counters.take('a', rate), { admitted: true, used: 1, resetMs: minute });
});

test('what is given back may be taken again, and never makes more of it', async () => {
  const { counters, pass } = openCounters();
  for (let index = 0; index < 3; index++) await counters.take('a', rate);
  counters.giveBack('a');
  assert.equal((await counters.take('a', rate)).admitted, true);
  assert.equal((await counters.take('a', rate)).admitted, false);
  counters.giveBack('nobody');
  pass(minute);
  counters.giveBack('a');
  for (let index = 0; index < 3; index++) assert.ok((await counters.take('a', rate)).admitted);
  assert.equal((await counters.take('a', rate)).admitted, false);
});

test('any order of takes, looks, returns and time: as a plain list of times would count', async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constantFrom('take', 'look', 'back'), key: fc.constantFrom('a', 'b') }),
    fc.record({ kind: fc.constant('pass'), ms: fc.integer({ min: 1, max: 2 * minute }) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { counters, pass } = openCounters();
      let now = 0;
      const model = new Map<string, { since: number; used: number }>();
      for (const { kind, ...rest } of steps) {
        if ('ms' in rest) {
          pass(rest.ms);
          now += rest.ms;
          continue;
        }
        const known = model.get(rest.key);
        const window = known && now < known.since + minute ? known : { since: now, used: 0 };
        if (kind === 'back') {
          counters.giveBack(rest.key);
          window.used = Math.max(0, window.used - 1);
          if (known) model.set(rest.key, window);
          continue;
        }
        const admitted = window.used < rate.points;
        const count =
          kind === 'take' ? await counters.take(rest.key, rate) : await counters.look(rest.key, rate);
        if (kind === 'take') {
          if (admitted) window.used++;
          model.set(rest.key, window);
        }
        assert.deepEqual([count.admitted, count.used], [admitted, window.used]);
      }
    }),
  );
});

test('of many at once exactly so many, also through the channel', async () => {
  const { counters } = openCounters();
  const { channel, hub } = openDirectChannel(log);
  serveCounters(hub, counters);
  const shared = countersOver(channel);
  const many = { points: 137, windowMs: minute };
  const counts = await Promise.all(Array.from({ length: 500 }, () => shared.take('a', many)));
  assert.equal(counts.filter(({ admitted }) => admitted).length, 137);
  const holds = await Promise.all(Array.from({ length: 50 }, () => shared.hold('u', 7)));
  const held = holds.filter((hold) => hold !== undefined);
  assert.equal(held.length, 7);
  held[0]!.release();
  held[0]!.release();
  assert.ok(await shared.hold('u', 7));
  assert.equal(await shared.hold('u', 7), undefined);
});

test('what a worker held is free when it is gone, whatever it still says', () => {
  const held = new HeldCounts();
  assert.deepEqual(
    [1, 1, 2].map((worker) => held.hold('a', 3, worker)),
    [true, true, true],
  );
  assert.equal(held.hold('a', 3, 2), false);
  held.releaseAll(1);
  held.release('a', 1);
  assert.equal(held.hold('a', 3, 1), false);
  assert.ok(held.hold('a', 3, 2) && held.hold('a', 3, 2));
  assert.equal(held.hold('a', 3, 3), false);
  for (let index = 0; index < 5; index++) held.release('a', 2);
  assert.deepEqual([...held.entries()], []);
});

test('keys without end: there is room for so many, and who is busy is remembered', async () => {
  const maxKeys = 1000;
  const { counters } = openCounters(maxKeys);
  for (let index = 0; index < 20_000; index++) {
    await counters.take(`requests 0 address 2001:db8:${index.toString(16)}::/64`, rate);
    if (index % 400 === 0) await counters.take('requests 0 account alice', { ...rate, points: 1000 });
  }
  const kept = [...counters.windows()].length;
  assert.ok(kept >= maxKeys / 2 && kept <= maxKeys, `${kept}`);
  assert.equal((await counters.look('requests 0 account alice', { ...rate, points: 1000 })).used, 50);
});

test('bytes are booked one after the other, at the rate, with a little ahead', async () => {
  const { counters, pass } = openCounters();
  const book = () => counters.book('a', 1000, 1000);
  assert.deepEqual([await book(), await book(), await book()], [750, 1750, 2750]);
  assert.equal(await counters.book('b', 100, 1000), 0);
  pass(2000);
  assert.equal(await book(), 1750);
  pass(60_000);
  assert.equal(await book(), 750);
});

test('a grant is good once, and not for ever', async () => {
  const { counters, pass } = openCounters();
  assert.equal(await counters.redeem('a'), false);
  await counters.grant('a', minute);
  await counters.grant('a', minute);
  assert.deepEqual(
    [await counters.redeem('a'), await counters.redeem('a'), await counters.redeem('a')],
    [true, true, false],
  );
  await counters.grant('a', minute);
  pass(minute);
  assert.equal(await counters.redeem('a'), false);
});
