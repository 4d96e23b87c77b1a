import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Scope } from '../support/scope.ts';
import { deleteManifest, describe, getManifest, imageOf, index, putManifest } from './manifests.ts';
import { assertError, rowsOf, startCore } from './support.ts';

const policies = '[{ repositories: "team/*", protected: ["release-*", latest] }]';

async function withRelease(t: Scope) {
  const core = await startCore(t, { settings: { 'gc.policies': policies } });
  const released = await imageOf(core, 'team/app', 'released');
  assert.equal((await putManifest(core, 'team/app', 'release-1', released)).status, 201);
  const other = await imageOf(core, 'team/app', 'other');
  return { core, released, other, digest: describe(released).digest };
}

test('a protected tag cannot be moved; the same manifest again is fine, and so is a new tag', async (t) => {
  const { core, released, other, digest } = await withRelease(t);
  const answer = await putManifest(core, 'team/app', 'release-1', other);
  assert.deepEqual(assertError(answer, 409, 'DENIED'), { tag: 'release-1', digest });
  assert.match(answer.json.errors[0].message, /release-1 is protected/);
  assert.equal((await getManifest(core, 'team/app', 'release-1')).headers['docker-content-digest'], digest);
  for (const tag of ['release-1', 'release-2', 'plain']) {
    assert.equal((await putManifest(core, 'team/app', tag, released)).status, 201, tag);
  }
  assert.equal((await putManifest(core, 'team/app', 'plain', other)).status, 201);
});

test('of a refused push nothing is stored, neither the manifest nor the tags beside it', async (t) => {
  const { core, other } = await withRelease(t);
  const { digest } = describe(other);
  const state = () =>
    ['manifests', 'manifest_blobs', 'tags', 'events', 'review'].map((table) =>
      rowsOf(core.config, `SELECT * FROM ${table}`),
    );
  const before = state();
  const target = `${digest}?tag=first&tag=release-1&tag=last`;
  assertError(await putManifest(core, 'team/app', target, other), 409, 'DENIED');
  assertError(await putManifest(core, 'team/app', 'release-1', other), 409, 'DENIED');
  assert.deepEqual(state(), before);
  assert.equal((await putManifest(core, 'team/app', `${digest}?tag=first&tag=last`, other)).status, 201);
});

test('neither a protected tag nor the manifest that it names can be deleted; other tags of it can', async (t) => {
  const { core, released, digest } = await withRelease(t);
  await putManifest(core, 'team/app', 'plain', released);
  assertError(await deleteManifest(core, 'team/app', 'release-1'), 409, 'DENIED');
  const detail = assertError(await deleteManifest(core, 'team/app', digest), 409, 'DENIED');
  assert.deepEqual(detail, { tag: 'release-1', digest });
  assert.equal((await getManifest(core, 'team/app', 'plain')).status, 200, 'no tag of it went');
  assert.equal((await deleteManifest(core, 'team/app', 'plain')).status, 202);
});

test('the parts of a protected index cannot be deleted either', async (t) => {
  const { core, released } = await withRelease(t);
  await putManifest(core, 'team/app', 'latest', index([describe(released)]));
  assertError(await deleteManifest(core, 'team/app', describe(released).digest), 405, 'UNSUPPORTED');
});

test('a policy protects its repositories alone', async (t) => {
  const { core } = await withRelease(t);
  for (const text of ['one', 'two']) {
    const body = await imageOf(core, 'elsewhere', text);
    assert.equal((await putManifest(core, 'elsewhere', 'release-1', body)).status, 201);
  }
  assert.equal((await deleteManifest(core, 'elsewhere', 'release-1')).status, 202);
});
