import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { memoryFlags, withAllocator } from '../../supervisor/memory.ts';
import { supervise } from './support.ts';

const skip = existsSync('/proc/self/environ') ? false : 'there is no /proc';

test('each process is started so that it gives memory back', { skip }, async (t) => {
  const it = await supervise(t);
  await it.says('ready');
  for (const pid of Object.values(await it.pids())) {
    assert.match(readFileSync(`/proc/${pid}/cmdline`, 'utf8'), /^[^\0]+\0--max-semi-space-size=8\0/);
    assert.match(readFileSync(`/proc/${pid}/environ`, 'utf8'), /(^|\0)MALLOC_TRIM_THRESHOLD_=131072\0/);
  }
});

test('what the operator has set stays as it is', () => {
  for (const option of ['--max-semi-space-size=64', '--max_semi_space_size=64']) {
    assert.deepEqual(memoryFlags({ NODE_OPTIONS: option }), []);
  }
  assert.equal(memoryFlags({ NODE_OPTIONS: '--no-warnings' }).length, 1);
  for (const own of [{ MALLOC_ARENA_MAX: '1' }, { GLIBC_TUNABLES: 'glibc.malloc.trim_threshold=1' }]) {
    assert.deepEqual(withAllocator(own), own);
  }
  assert.deepEqual(withAllocator({ PATH: '/bin' })['PATH'], '/bin');
});
