import assert from 'node:assert/strict';
import test from 'node:test';
import { request, type Target } from '../support/http.ts';
import { digestOf, pushBlob } from '../support/push.ts';
import { artifact, deleteManifest, emptyConfig, image, putManifest } from './manifests.ts';
import { contextHeader, rowsOf, startCore, type TestCore } from './support.ts';
import { finish, openUpload } from './uploading.ts';

function actingAs<T extends Target>(core: T, actor: string): T {
  const context = { actor, requestId: `request of ${actor}`, clientAddress: '2001:db8::1', readable: ['**'] };
  return { ...core, headers: contextHeader(context) };
}

function eventsOf({ config }: TestCore) {
  return rowsOf(config, 'SELECT kind, repository, digest, tag, actor FROM events ORDER BY id').map((row) =>
    [row['kind'], row['repository'], row['digest'], row['tag'], row['actor']].filter(
      (value) => value !== null,
    ),
  );
}

test('each change is journalled with who did it', async (t) => {
  const core = await startCore(t);
  const [alice, bob] = [actingAs(core, 'alice'), actingAs(core, 'bob')];
  const blob = await pushBlob(alice, 'app', 'content');
  await request(bob, { method: 'POST', path: `/v2/copy/blobs/uploads/?mount=${blob}&from=app` });
  const manifest = digestOf(artifact());
  await putManifest(alice, 'app', `${manifest}?tag=one&tag=two`, artifact());
  await deleteManifest(bob, 'app', 'one');
  await deleteManifest(bob, 'app', manifest);
  await request(bob, { method: 'DELETE', path: `/v2/app/blobs/${blob}` });
  assert.deepEqual(eventsOf(core), [
    ['blob.push', 'app', blob, 'alice'],
    ['blob.mount', 'copy', blob, 'bob'],
    ['manifest.push', 'app', manifest, 'alice'],
    ['tag.push', 'app', manifest, 'one', 'alice'],
    ['tag.push', 'app', manifest, 'two', 'alice'],
    ['tag.delete', 'app', manifest, 'one', 'bob'],
    ['tag.delete', 'app', manifest, 'two', 'bob'],
    ['manifest.delete', 'app', manifest, 'bob'],
    ['blob.delete', 'app', blob, 'bob'],
  ]);
});

test('request id and client address are kept with events, sessions, tags and manifests', async (t) => {
  const core = await startCore(t);
  const alice = actingAs(core, 'alice');
  await openUpload(alice, 'app');
  await putManifest(alice, 'app', 'latest', artifact());
  for (const table of ['events', 'upload_sessions', 'tags', 'manifests']) {
    for (const row of rowsOf(core.config, `SELECT actor, request_id, client_address FROM ${table}`)) {
      const expected = { actor: 'alice', request_id: 'request of alice', client_address: '2001:db8::1' };
      assert.deepEqual(row, expected, table);
    }
  }
});

test('a blob is pushed by whoever opened the session', async (t) => {
  const core = await startCore(t);
  const at = await openUpload(actingAs(core, 'alice'), 'app');
  await finish(actingAs(core, 'bob'), at, digestOf('content'), 'content');
  assert.deepEqual(eventsOf(core), [['blob.push', 'app', digestOf('content'), 'alice']]);
});

test('what is refused leaves no event', async (t) => {
  const core = await startCore(t);
  await putManifest(core, 'app', 'latest', image(emptyConfig));
  await deleteManifest(core, 'app', 'latest');
  await request(core, { method: 'DELETE', path: `/v2/app/blobs/${digestOf('x')}` });
  await finish(core, await openUpload(core, 'app'), digestOf('x'), 'y');
  assert.deepEqual(eventsOf(core), []);
});

test('a core without a gateway writes down that it knows nobody', async (t) => {
  const core = await startCore(t);
  await putManifest({ ...core, headers: {} }, 'app', 'latest', artifact());
  const [event] = rowsOf(core.config, 'SELECT actor, request_id, client_address FROM events');
  assert.deepEqual(event, { actor: '-', request_id: '-', client_address: '-' });
});
