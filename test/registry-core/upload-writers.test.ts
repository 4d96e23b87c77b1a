import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import test from 'node:test';
import { openCollection } from '../../registry-core/metadata/collection.ts';
import { retentionOf } from '../../registry-core/retention.ts';
import { dataPaths } from '../../runtime/config.ts';
import { request } from '../support/http.ts';
import { digestOf } from '../support/push.ts';
import { assertError, rowsOf, startCore, type TestCore, until, withRows } from './support.ts';
import {
  finish,
  getBlob,
  openPatch,
  openUpload,
  patch,
  someBytes,
  statusOf,
  uploadFile,
} from './uploading.ts';

const half = 300_000;

test('of two writers of one session one goes first, and the other is told where to go on', async (t) => {
  const core = await startCore(t);
  const at = await openUpload(core, 'writers');
  const bytes = someBytes(half);
  const range = `0-${half - 1}`;
  const answers = await Promise.all([patch(core, at, bytes, range), patch(core, at, bytes, range)]);
  assert.deepEqual(answers.map(({ status }) => status).sort(), [202, 416]);
  const late = answers.find(({ status }) => status === 416)!;
  assert.equal(late.headers.range, range);
  assert.equal(await statusOf(core, at), range);
  assert.equal((await finish(core, at, digestOf(bytes))).status, 201);
  assert.deepEqual((await getBlob(core, 'writers', digestOf(bytes))).body, bytes);
});

test('a writer that waits for another one gets its turn when that one ends', async (t) => {
  const core = await startCore(t);
  const at = await openUpload(core, 'writers');
  const first = openPatch(core, at);
  const bytes = someBytes(half);
  await first.send(bytes);
  await until(() => statSync(uploadFile(core.config, at)).size > 0, 'the first bytes are written');
  const second = patch(core, at, 'more', `${half}-${half + 3}`);
  first.end();
  assert.equal(await first.answered, 202);
  assert.equal((await second).status, 202);
  assert.equal((await finish(core, at, digestOf(Buffer.concat([bytes, Buffer.from('more')])))).status, 201);
});

test('of many final PUTs one makes the blob', async (t) => {
  const core = await startCore(t);
  const at = await openUpload(core, 'writers');
  await patch(core, at, 'content');
  const puts = await Promise.all(Array.from({ length: 5 }, () => finish(core, at, digestOf('content'))));
  const won = puts.filter(({ status }) => status === 201);
  assert.equal(won.length, 1);
  for (const put of puts.filter((answer) => !won.includes(answer)))
    assertError(put, 404, 'BLOB_UPLOAD_UNKNOWN');
  assert.equal((await getBlob(core, 'writers', digestOf('content'))).text, 'content');
});

test('a client that goes away in the middle leaves its bytes, and the next request goes on from there', async (t) => {
  const core = await startCore(t);
  const at = await openUpload(core, 'writers');
  const bytes = someBytes(half);
  const sent = openPatch(core, at, {
    'content-length': String(2 * half),
    'content-range': `0-${2 * half - 1}`,
  });
  await sent.send(bytes);
  await until(() => statSync(uploadFile(core.config, at)).size > 0, 'the first bytes are written');
  sent.cut();
  await until(async () => (await statusOf(core, at)) === `0-${half - 1}`, 'all that was sent counts');
  const rest = someBytes(half);
  const answer = await patch(core, at, rest, `${half}-${2 * half - 1}`);
  assert.equal(answer.status, 202);
  const whole = Buffer.concat([bytes, rest]);
  assert.equal((await finish(core, at, digestOf(whole))).status, 201);
  assert.deepEqual((await getBlob(core, 'writers', digestOf(whole))).body, whole);
});

test('a session that expired is unknown, and its bytes wait for the collector', async (t) => {
  const core = await startCore(t);
  const at = await openUpload(core, 'writers');
  await patch(core, at, 'content');
  await expireAll(core);
  assertError(await request(core, { path: at }), 404, 'BLOB_UPLOAD_UNKNOWN');
  assertError(await patch(core, at, 'more'), 404, 'BLOB_UPLOAD_UNKNOWN');
  assertError(await finish(core, at, digestOf('content')), 404, 'BLOB_UPLOAD_UNKNOWN');
  const [doomed] = rowsOf(core.config, 'SELECT kind, storage_key FROM doomed_keys');
  assert.deepEqual(doomed, { kind: 'upload', storage_key: at.slice(at.lastIndexOf('/') + 1) });
});

test('a session that expires under a writer: 404, and nothing comes of it', async (t) => {
  const core = await startCore(t);
  const at = await openUpload(core, 'writers');
  const writer = openPatch(core, at);
  await writer.send(someBytes(half));
  await until(() => statSync(uploadFile(core.config, at)).size > 0, 'the first bytes are written');
  await expireAll(core);
  writer.end();
  assert.equal(await writer.answered, 404);
  assert.deepEqual(rowsOf(core.config, 'SELECT * FROM upload_sessions'), []);
});

test('a session that somebody writes to is renewed while the bytes come', async (t) => {
  const core = await startCore(t, { settings: { 'uploads.expiry': '2s' } });
  const at = await openUpload(core, 'writers');
  const expiry = () => rowsOf(core.config, 'SELECT expires_at, offset FROM upload_sessions')[0]!;
  const opened = expiry();
  const writer = openPatch(core, at);
  await until(async () => {
    await writer.send(someBytes(half));
    return Number(expiry()['expires_at']) > Number(opened['expires_at']);
  }, 'the session lives longer');
  assert.ok(Number(expiry()['offset']) > 0, 'and its row knows of the bytes');
  writer.end();
  assert.equal(await writer.answered, 202);
});

/** What the collector does with sessions, as if nobody had touched them for long. */
async function expireAll({ config }: TestCore): Promise<void> {
  withRows(config, (database) => database.exec('UPDATE upload_sessions SET expires_at = 1'));
  const collection = openCollection(dataPaths(config).registryDatabase, retentionOf(config));
  assert.equal(await collection.expireSessions(), 1);
  await collection.close();
}
