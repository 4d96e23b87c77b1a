import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecentMap } from '../../runtime/recent-map.ts';

test('keeps what is used, and no more bytes than it has room for', () => {
  const map = new RecentMap<number>(1000);
  for (let key = 0; key < 1000; key++) {
    map.set(`${key}`, key, 100);
    assert.equal(map.get('0'), 0);
    const kept = Array.from({ length: key + 1 }, (_, of) => map.get(`${of}`)).filter((v) => v !== undefined);
    assert.ok(kept.length <= 10, `${kept.length} values of 100 bytes`);
    map.get('0');
  }
});

test('what was set anew counts once, what was deleted not at all, and what is too large is not taken', () => {
  const map = new RecentMap<string>(1000);
  map.set('a', 'old', 100);
  for (let time = 0; time < 100; time++) map.set('b', 'again', 300);
  assert.equal(map.get('a'), 'old');
  map.delete('b');
  map.set('c', 'new', 400);
  assert.deepEqual([map.get('a'), map.get('b'), map.get('c')], ['old', undefined, 'new']);
  map.set('d', 'large', 501);
  assert.equal(map.get('d'), undefined);
  assert.equal(map.get('c'), 'new');
});
