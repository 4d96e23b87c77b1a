import assert from 'node:assert/strict';
import { existsSync, statfsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { compare, shortfalls } from '../../bench/performance/compare.ts';
import type { Sample } from '../../bench/performance/measure.ts';
import type { Row } from '../../bench/performance/rows/row.ts';
import { demandProduction } from '../../bench/performance/servers/production.ts';
import { temporaryDirectory } from '../support/files.ts';

const row: Row = {
  name: 'row',
  title: 'row',
  unit: 'requests/s',
  better: 'higher',
  per: 'request',
  target: { ratio: 3, cpuShare: 0.5, bounds: { peakMib: { atMost: 300 }, ofUsual: { atLeast: 0.9 } } },
  run: async () => ({ value: 0, count: 0 }),
};

function samples(values: readonly number[], cpuSeconds = 1, ofUsual = 1): Sample[] {
  return values.map((value) => ({ value, cpuSeconds, peakMib: 100, details: { ofUsual } }));
}

test('the better of the peers is what counts, round by round', () => {
  // The machine was half as fast in the second round, for everybody.
  const measured = {
    gatehouse: samples([360, 180, 360]),
    'docker-registry': samples([100, 50, 100], 4),
    nginx: samples([90, 45, 300]),
  };
  assert.deepEqual(compare(row, measured), { peer: 'docker-registry', ratio: 3.6, cpuShare: 0.25 });
  const lower = compare({ ...row, better: 'lower' }, measured);
  assert.deepEqual([lower?.peer, lower?.ratio], ['nginx', 0.25]);
});

test('what is wanted and not reached is named', () => {
  const peers = { nginx: samples([100]) };
  const good = { ...peers, gatehouse: samples([300], 0.5, 0.9) };
  assert.deepEqual(shortfalls(row, good, compare(row, good)), []);
  const bad = { ...peers, gatehouse: samples([299], 0.6, 0.8) };
  assert.deepEqual(shortfalls(row, bad, compare(row, bad)), ['ofUsual ≥ 0.9', '3×', 'CPU 0.5×']);
});

test('what no user runs is not measured', async (t) => {
  const data = join(await temporaryDirectory(t, 'bench'), 'data');
  const budgets = `limits: { account_pulls: 9/1h, account_requests: 9/1h, address_requests: 9/1h }\n`;
  const file = `${data}.yml`;
  const demand = (content: string, directory = data) => {
    writeFileSync(file, content);
    demandProduction(directory, { GATEHOUSE_CONFIG: file });
  };
  const tmpfs = 0x01021994;
  if (statfsSync(dirname(data)).type !== tmpfs) demand(budgets);
  assert.throws(() => demand(`${budgets}audit.trail: off\n`), /audit\.trail is off/);
  assert.throws(() => demand(`${budgets}limits.mode: off\n`), /limits\.mode is off/);
  assert.throws(() => demand(''), /limits\.account_pulls is off/);
  if (existsSync('/dev/shm')) assert.throws(() => demand(budgets, '/dev/shm/data'), /fsync does nothing/);
});
