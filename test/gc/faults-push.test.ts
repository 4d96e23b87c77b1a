import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertSettled, collectOnce } from '../e2e/crash-settled.ts';
import { rowsOf, startCore, type TestCore } from '../registry-core/support.ts';
import { finish, getBlob, openUpload, patch, someBytes } from '../registry-core/uploading.ts';
import { request } from '../support/http.ts';
import { digestOf, pushBlob } from '../support/push.ts';
import { type CallName, failingCalls } from './faults-calls.ts';

// Each system call of a push fails in turn: nobody is told of a blob that is not there, the next push succeeds, and
// one run leaves nothing that no row names.

/** `after`: it was done, and nobody knows. */
const faults: readonly (readonly [call: CallName, code: string, when: 'before' | 'after'])[] = [
  ...(['open', 'stat', 'rename', 'unlink', 'mkdir', 'sync'] as const).flatMap((call) =>
    ['EIO', 'EACCES', 'ENOSPC'].map((code) => [call, code, 'before'] as const),
  ),
  ...(['rename', 'unlink', 'mkdir', 'sync'] as const).map((call) => [call, 'EIO', 'after'] as const),
];

for (const [call, code, when] of faults) {
  test(`${call} fails with ${code}, ${when} it was done`, async (t) => {
    const failing = failingCalls(t);
    const core = await startCore(t);
    const [first, second] = [someBytes(2000), someBytes(2000)];
    await pushBlob(core, 'app', second);
    for (const content of [first, second]) {
      failing.fail(call, code, /uploads|blobs/, when);
      const isStored = await pushAndCancel(core, content).catch(() => false);
      failing.heal();
      if (isStored) assert.deepEqual((await getBlob(core, 'app', digestOf(content))).body, content);
    }
    core.errors.length = 0;

    for (const content of [first, second]) {
      await pushBlob(core, 'app', content);
      assert.deepEqual((await getBlob(core, 'app', digestOf(content))).body, content);
    }
    await collectOnce(core.config);
    await assertSettled(core.config);
    assert.deepEqual(rowsOf(core.config, 'SELECT * FROM blobs'), []);
  });
}

/** All that a client may try with an upload. @returns whether one of the answers was 201. */
async function pushAndCancel(core: TestCore, bytes: Buffer): Promise<boolean> {
  const location = await openUpload(core, 'app');
  await patch(core, location, bytes.subarray(0, 100));
  const range = { 'content-range': `100-${bytes.length - 1}` };
  const answers = [
    await finish(core, location, digestOf(bytes), bytes.subarray(100), range),
    await finish(core, location, digestOf(bytes)),
    await request(core, { method: 'DELETE', path: location }),
  ];
  return answers.some(({ status }) => status === 201);
}

test('a blob that cannot be read is neither promised nor called damaged', async (t) => {
  const failing = failingCalls(t);
  const core = await startCore(t);
  const bytes = someBytes(2000);
  const digest = await pushBlob(core, 'app', bytes);
  for (const code of ['EIO', 'EACCES']) {
    for (const call of ['stat', 'open'] as const) {
      failing.fail(call, code, /blobs/);
      assert.equal((await getBlob(core, 'app', digest)).status, 500);
      failing.heal();
    }
    failing.fail('stat', code, /blobs/);
    assert.equal((await request(core, { method: 'HEAD', path: `/v2/app/blobs/${digest}` })).status, 500);
    failing.heal();
  }
  core.errors.length = 0;
  assert.deepEqual(rowsOf(core.config, 'SELECT state FROM blobs'), [{ state: 'present' }]);
  assert.deepEqual((await getBlob(core, 'app', digest)).body, bytes);
});
