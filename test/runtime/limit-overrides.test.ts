import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatOverrides, readOverrides } from '../../runtime/limit-overrides.ts';

test('rules are read, and written to what reads as the same', () => {
  const { overrides, faults } = readOverrides(`
    - accounts: [ci, "robot$*"]
      pulls: off
    - repositories: [mirror/**]
      pulls: 500/6h
      bandwidth: 100MiB/s
    - addresses: 10.0.0.0/8
      connections: 20
      requests: 600/1m`);
  assert.deepEqual(faults, []);
  assert.deepEqual(overrides, [
    { accounts: ['ci', 'robot$*'], budgets: { pulls: null } },
    {
      repositories: ['mirror/**'],
      budgets: { pulls: { points: 500, windowMs: 21_600_000 }, bandwidth: 100 * 2 ** 20 },
    },
    { addresses: ['10.0.0.0/8'], budgets: { connections: 20, requests: { points: 600, windowMs: 60_000 } } },
  ]);
  assert.deepEqual(readOverrides(formatOverrides(overrides)).overrides, overrides);
  assert.deepEqual(readOverrides(''), { overrides: [], faults: [] });
});

test('all faults are found at once, each with its place', () => {
  const { faults } = readOverrides(`
    - accounts: [ALICE]
      pulls: many
      colour: red
    - pulls: 1/1m
    - accounts: [ci]
    - repositories: [mirror/**]
      tokens: 1/1m
    - accounts: [ci]
      connections: 5
    - nonsense
    - addresses: [10.0.0.0/99]
      bandwidth: 1KiB/s`);
  assert.deepEqual(faults.map(({ at }) => at).sort(), [
    '[0].accounts',
    '[0].colour',
    '[0].pulls',
    '[1]',
    '[2]',
    '[3].tokens',
    '[4].connections',
    '[5]',
    '[6].addresses',
    '[6].bandwidth',
  ]);
  assert.deepEqual(
    readOverrides('accounts: [ci]').faults.map(({ expected }) => expected),
    ['a list of rules, in YAML or JSON'],
  );
  assert.equal(readOverrides('[').faults.length, 1);
});
