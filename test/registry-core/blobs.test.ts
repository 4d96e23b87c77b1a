import assert from 'node:assert/strict';
import { existsSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { request } from '../support/http.ts';
import { digestOf, pushBlob, pushImage } from '../support/push.ts';
import { assertError, rowsOf, startCore, withRows } from './support.ts';
import { getBlob, someBytes } from './uploading.ts';

const missing = `sha256:${'0'.repeat(64)}`;

test('GET and HEAD of a blob: bytes, digest, length, and nothing that a browser would run', async (t) => {
  const core = await startCore(t);
  const digest = await pushBlob(core, 'team/app', '<script>alert(1)</script>');
  const path = `/v2/team/app/blobs/${digest}`;
  const got = await request(core, { path });
  const head = await request(core, { method: 'HEAD', path });
  assert.equal(got.text, '<script>alert(1)</script>');
  assert.equal(head.text, '');
  for (const { status, headers } of [got, head]) {
    assert.equal(status, 200);
    assert.equal(headers['content-type'], 'application/octet-stream');
    assert.equal(headers['content-length'], '25');
    assert.equal(headers['docker-content-digest'], digest);
    assert.equal(headers.etag, `"${digest}"`);
    assert.equal(headers['accept-ranges'], 'bytes');
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.match(String(headers['content-security-policy']), /^sandbox\b/);
  }
});

test('a blob is in the repositories that it was pushed to and in no other', async (t) => {
  const core = await startCore(t);
  const digest = await pushBlob(core, 'one', 'content');
  for (const repository of ['two', 'on', 'one/deeper']) {
    const detail = assertError(await getBlob(core, repository, digest), 404, 'BLOB_UNKNOWN');
    assert.deepEqual(detail, { digest });
    const head = await request(core, { method: 'HEAD', path: `/v2/${repository}/blobs/${digest}` });
    assert.equal(head.status, 404);
  }
  assertError(await getBlob(core, 'one', missing), 404, 'BLOB_UNKNOWN');
});

test('DELETE takes the blob from this repository alone and says what still waits', async (t) => {
  const core = await startCore(t);
  const digest = await pushBlob(core, 'one', 'content');
  await pushBlob(core, 'two', 'content');
  const path = `/v2/one/blobs/${digest}`;
  const first = await request(core, { method: 'DELETE', path });
  assert.equal(first.status, 202);
  assert.equal(first.json.held_bytes, 7);
  assert.ok(Date.parse(first.json.next_due) > Date.now());
  assertError(await request(core, { path }), 404, 'BLOB_UNKNOWN');
  assertError(await request(core, { method: 'DELETE', path }), 404, 'BLOB_UNKNOWN');
  assert.equal((await getBlob(core, 'two', digest)).text, 'content');
});

test('DELETE of what is not there is 404', async (t) => {
  const core = await startCore(t);
  await pushBlob(core, 'one', 'content');
  for (const repository of ['one', 'nowhere']) {
    const path = `/v2/${repository}/blobs/${missing}`;
    assertError(await request(core, { method: 'DELETE', path }), 404, 'BLOB_UNKNOWN');
  }
});

test('DELETE of a blob that a manifest of the repository refers to is refused and names the manifest', async (t) => {
  const core = await startCore(t);
  const image = await pushImage(core, 'team/app', 'latest');
  for (const { digest } of [image.config, ...image.layers]) {
    const answer = await request(core, { method: 'DELETE', path: `/v2/team/app/blobs/${digest}` });
    assert.deepEqual(assertError(answer, 405, 'UNSUPPORTED'), { manifests: [image.digest] });
    assert.equal(answer.headers.allow, 'GET, HEAD');
    assert.equal((await getBlob(core, 'team/app', digest)).status, 200);
  }
  await pushBlob(core, 'other', 'one layer');
  const elsewhere = `/v2/other/blobs/${image.layers[0]!.digest}`;
  assert.equal((await request(core, { method: 'DELETE', path: elsewhere })).status, 202);
});

test('a damaged blob is 404 until the next push heals it', async (t) => {
  const core = await startCore(t);
  const digest = await pushBlob(core, 'one', 'content');
  const [bad] = rowsOf(core.config, 'SELECT storage_key FROM blobs');
  withRows(core.config, (database) => database.exec("UPDATE blobs SET state = 'damaged'"));
  for (const method of ['GET', 'HEAD']) {
    assert.equal((await request(core, { method, path: `/v2/one/blobs/${digest}` })).status, 404);
  }
  await pushBlob(core, 'one', 'content');
  assert.equal((await getBlob(core, 'one', digest)).text, 'content');
  const path = join(core.config['storage.root'], 'blobs', String(bad!['storage_key']));
  assert.equal(existsSync(path), false, 'the damaged file is removed');
  assert.deepEqual(rowsOf(core.config, 'SELECT * FROM doomed_keys'), []);
});

const losses: [name: string, lose: (path: string) => void][] = [
  ['lost bytes', (path) => truncateSync(path, 3)],
  ['is gone', (path) => rmSync(path)],
];

for (const [name, lose] of losses) {
  for (const method of ['GET', 'HEAD']) {
    test(`a blob whose file ${name} is found out by ${method}: nobody is told that it exists`, async (t) => {
      const core = await startCore(t);
      const digest = await pushBlob(core, 'one', 'content');
      const [row] = rowsOf(core.config, 'SELECT storage_key FROM blobs');
      lose(join(core.config['storage.root'], 'blobs', String(row!['storage_key'])));
      const answer = await request(core, { method, path: `/v2/one/blobs/${digest}` });
      assert.equal(answer.status, 404);
      assert.match(core.errors.splice(0).join(), /damaged/);
      assert.deepEqual(rowsOf(core.config, 'SELECT state FROM blobs'), [{ state: 'damaged' }]);
      await pushBlob(core, 'one', 'content');
      assert.equal((await getBlob(core, 'one', digest)).text, 'content');
    });
  }
}

test('a condemned blob is gone for readers; a push revives it under a key of its own', async (t) => {
  const core = await startCore(t);
  const bytes = someBytes(1000);
  const digest = await pushBlob(core, 'one', bytes);
  withRows(core.config, (database) => database.exec("UPDATE blobs SET state = 'condemned'"));
  const head = { method: 'HEAD', path: `/v2/one/blobs/${digest}` };
  assert.equal((await request(core, head)).status, 404);
  const [before] = rowsOf(core.config, 'SELECT storage_key FROM blobs');
  await pushBlob(core, 'one', bytes);
  const [after] = rowsOf(core.config, 'SELECT state, storage_key FROM blobs');
  assert.equal(after!['state'], 'present');
  assert.notEqual(after!['storage_key'], before!['storage_key']);
  assert.equal(digestOf((await getBlob(core, 'one', digest)).body), digest);
});
