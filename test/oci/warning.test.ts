import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatWarning, limitWarnings } from '../../oci/warning.ts';

test('a warning has the code 299, no agent, no date, and its text quoted', () => {
  assert.equal(formatWarning('soon'), '299 - "soon"');
  assert.equal(formatWarning('a "b" \\ c'), '299 - "a \\"b\\" \\\\ c"');
  assert.equal(formatWarning('line\r\nX-Evil: 1\u0000é'), '299 - "line??X-Evil: 1??"');
});

test('all warnings of an answer together have at most 4096 bytes', () => {
  const long = formatWarning('x'.repeat(3000));
  const other = formatWarning('y'.repeat(2000));
  const short = formatWarning('short');
  assert.deepEqual(limitWarnings([long, other, short]), [long, short]);
  const exact = formatWarning('z'.repeat(4096 - '299 - ""'.length));
  assert.deepEqual([exact.length, limitWarnings([exact])], [4096, [exact]]);
  assert.deepEqual(limitWarnings([`${exact} `]), []);
});

test('the same warning comes once', () => {
  assert.deepEqual(limitWarnings(['a', 'b', 'a']), ['a', 'b']);
});
