import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { loadAhead } from '../../supervisor/index.ts';
import { temporaryDirectory } from '../support/files.ts';

const markerIn = (cache: string) => readdirSync(cache).find((name) => name.startsWith('loaded-'));

test('everything is compiled once for each version, and nothing runs', async (t) => {
  const cache = await temporaryDirectory(t, 'cache');
  const data = await temporaryDirectory(t, 'data');
  const environment = { ...process.env, NODE_COMPILE_CACHE: cache, GATEHOUSE_DATA: data };
  await loadAhead(environment);
  assert.ok(markerIn(cache));
  const compiled = readdirSync(cache, { recursive: true });
  assert.ok(compiled.length > 300, `${compiled.length} files`);
  assert.deepEqual(readdirSync(data), []);
});

test('a cache that is full of it is left alone; one that cannot be written stops nobody', async (t) => {
  const cache = await temporaryDirectory(t, 'cache');
  await loadAhead({ ...process.env, NODE_COMPILE_CACHE: cache });
  for (const name of readdirSync(cache)) {
    if (name !== markerIn(cache)) rmSync(join(cache, name), { recursive: true });
  }
  await loadAhead({ ...process.env, NODE_COMPILE_CACHE: cache });
  assert.equal(readdirSync(cache).length, 1, 'nothing was compiled again');
  await loadAhead({ ...process.env, NODE_COMPILE_CACHE: '/dev/null/cache' });
  await loadAhead({});
});
