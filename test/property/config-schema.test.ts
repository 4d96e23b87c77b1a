import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { configSchema, isHostname, parseDuration, type ValueType } from '../../runtime/config-schema.ts';
import { anyText } from './support.ts';

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const unit = fc.constantFrom(...(Object.keys(units) as (keyof typeof units)[]));
const durationText = fc.oneof(
  fc.tuple(fc.nat(2_000_000_000), unit).map(([count, name]) => `${count}${name}`),
  fc.stringMatching(/^[0-9.]{0,6}(ms|s|m|h|d|w)?$/),
  anyText,
);
const types = Object.entries(configSchema).map(
  ([name, { type }]) => [name, type as ValueType<unknown>] as const,
);

test('a duration is count times unit', () => {
  fc.assert(
    fc.property(fc.nat(999_999_999), unit, (count, name) => {
      assert.equal(parseDuration(`${count}${name}`), count * units[name]);
    }),
  );
  for (const [text, ms] of [
    ['0', 0],
    ['0s', 0],
    ['1.5s', 1500],
    ['0.001s', 1],
    ['90s', 90_000],
    ['0.5d', 43_200_000],
  ] as const) {
    assert.equal(parseDuration(text), ms, text);
  }
  for (const text of [
    '',
    '1',
    '-1s',
    '1 s',
    '1S',
    '1w',
    's',
    '1.s',
    '.5s',
    '1e3s',
    '1s1m',
    '٣s',
    '1s\n',
    '1234567890s',
  ]) {
    assert.equal(parseDuration(text), undefined, text);
  }
});

test('a duration is a whole number of milliseconds or none at all', () => {
  fc.assert(
    fc.property(durationText, (text) => {
      const ms = parseDuration(text);
      assert.ok(ms === undefined || (Number.isInteger(ms) && ms >= 0));
    }),
    { numRuns: 3000 },
  );
});

test('no value of any setting throws, and what is accepted is usable', () => {
  const value = fc.oneof(
    durationText,
    fc.stringMatching(/^[0-9a-f.:/,]{0,20}$/),
    fc.tuple(fc.nat(), durationText).map(([n, d]) => `${n}/${d}`),
  );
  fc.assert(
    fc.property(value, fc.constantFrom(...types), (text, [name, type]) => {
      const parsed = type.parse(text);
      if (typeof parsed === 'number')
        assert.ok(
          Number.isSafeInteger(parsed) && !Number.isNaN(new Date(Date.now() + parsed).valueOf()),
          name,
        );
      if (typeof parsed === 'object') assert.ok(Object.isFrozen(parsed), name);
    }),
    { numRuns: 5000 },
  );
});

test('rates count in windows that a timer can hold', () => {
  const { parse } = configSchema['limits.account_requests'].type;
  assert.deepEqual(parse('600/1m'), { points: 600, windowMs: 60_000 });
  for (const text of ['1/1s', '999999999/24h']) assert.ok(parse(text), text);
  for (const text of [
    '',
    '600',
    '0/1m',
    '-1/1m',
    '1/999ms',
    '1/25h',
    '1/0',
    '1.5/1m',
    '01/1m',
    '1/1m/1m',
    ' 1/1m',
  ]) {
    assert.equal(parse(text), undefined, text);
  }
});

test('host names', () => {
  for (const name of ['a', 'localhost', 'a.b-c.d', '127.0.0.1', '::1', 'REGISTRY.example', '0'])
    assert.ok(isHostname(name), name);
  for (const name of [
    '',
    '.',
    'a.',
    '.a',
    'a..b',
    '-a',
    'a-',
    'a b',
    'a/b',
    'a:1',
    '[::1]',
    '*.a',
    'ä',
    'a\n',
    'a'.repeat(254),
  ]) {
    assert.equal(isHostname(name), false, name);
  }
});
