import assert from 'node:assert/strict';
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { maxHotBytes } from '../../gateway/blobs/hot.ts';
import { type CoreMessages, openCoreMessages } from '../../gateway/core-messages.ts';
import { keepAnswers } from '../../gateway/kept-answers.ts';
import { dataPaths } from '../../runtime/config.ts';
import { openDatabase } from '../../runtime/sqlite.ts';
import { as, request } from '../support/http.ts';
import { pushImage } from '../support/push.ts';
import { onEnd, type Scope } from '../support/scope.ts';
import { password, startCore, startGateway, type TestGateway } from './support.ts';

const context = { actor: 'alice', requestId: 'r', clientAddress: '192.0.2.1' };
const image = '/v2/team/app/manifests/v1';

/** The real core, asked through what keeps its answers; and how often it was asked for one. */
async function keepOfCore(t: Scope, environment: Record<string, string> = {}) {
  const gateway = await startGateway(t);
  const core = await startCore(t, gateway.data, environment);
  const messages = openCoreMessages(join(gateway.data, 'run', 'core-messages.sock'));
  onEnd(t, () => messages.close());
  await messages.ask({ method: 'GET', target: '/v2/', headers: {}, context });
  await messages.version();
  const asked: string[] = [];
  const counting: CoreMessages = {
    ...messages,
    version() {
      asked.push('version');
      return messages.version();
    },
    ask(question) {
      asked.push(question.target);
      return messages.ask(question);
    },
  };
  const reads = keepAnswers(counting);
  const get = (target = image, headers: Record<string, string> = {}) =>
    reads.ask({ method: 'GET', target, headers, context });
  return { gateway, core, reads, asked, get, alice: as(gateway, 'alice', password) };
}

async function status(gateway: TestGateway, method: string, path: string): Promise<number> {
  return (await request(as(gateway, 'admin', password), { method, path })).status;
}

test('the core is asked once for what does not change, and again after any change', async (t) => {
  const { gateway, asked, get, alice } = await keepOfCore(t);
  const pushed = await pushImage(alice, 'team/app', 'v1');
  const first = await get();
  for (let again = 0; again < 3; again++) assert.deepEqual(await get(), first);
  assert.deepEqual(first?.body, pushed.manifest);
  assert.equal(asked.length, 1);
  const moved = await pushImage(alice, 'team/app', 'v1', { layers: [Buffer.from('another')] });
  assert.deepEqual((await get())?.body, moved.manifest);
  assert.equal(await status(gateway, 'DELETE', image), 202);
  assert.equal((await get())?.statusCode, 404);
});

test('what another process changes in the store is seen without a question', async (t) => {
  const { gateway, asked, get, alice } = await keepOfCore(t);
  await pushImage(alice, 'team/app', 'v1');
  await get();
  await get();
  assert.equal(asked.length, 1);
  const database = openDatabase(dataPaths(gateway.config).registryDatabase);
  onEnd(t, () => database.close());
  database.exec(`DELETE FROM tags WHERE name = 'v1'`);
  // Of another process this one would hear by a message.
  await new Promise(setImmediate);
  assert.equal((await get())?.statusCode, 404);
});

test('where the store has no witness, or it is lost, the core is asked for the version', async (t) => {
  const { gateway, asked, get, alice } = await keepOfCore(t);
  await pushImage(alice, 'team/app', 'v1');
  await get();
  const registry = dataPaths(gateway.config).registryDatabase;
  // Behind its back; SQLite goes on with the file that it has.
  await rename(`${registry}-shm`, `${registry}-moved`);
  await rm(`${registry}-moved`);
  for (let again = 0; again < 3; again++) assert.equal((await get())?.statusCode, 200);
  assert.deepEqual(asked, [image, 'version', image, 'version', 'version']);
  const moved = await pushImage(alice, 'team/app', 'v1', { layers: [Buffer.from('another')] });
  assert.deepEqual((await get())?.body, moved.manifest);
});

test('what the core compares or cuts, and what is not there, is asked each time', async (t) => {
  const { asked, get, alice } = await keepOfCore(t);
  const { digest, config } = await pushImage(alice, 'team/app', 'v1');
  const blob = `/v2/team/app/blobs/${config.digest}`;
  assert.equal((await get())?.statusCode, 200);
  assert.equal((await get(image, { 'if-none-match': `"${digest}"` }))?.statusCode, 304);
  const accel = { 'x-sendfile-type': 'X-Accel-Redirect' };
  assert.equal((await get(blob, accel))?.statusCode, 200);
  assert.equal((await get(blob, { ...accel, range: 'bytes=0-0' }))?.statusCode, 206);
  for (let again = 0; again < 2; again++) assert.equal((await get(`${image}-none`))?.statusCode, 404);
  assert.equal(asked.length, 6);
});

test('an answer is not given again when the lease that it promises is to be renewed', async (t) => {
  const { asked, get, alice } = await keepOfCore(t, { GATEHOUSE_GC_LEASE: '4s' });
  await pushImage(alice, 'team/app', 'v1');
  const { keep } = (await get())!;
  assert.ok(keep && keep.ms > 0 && keep.ms <= 2000, JSON.stringify(keep));
  const now = performance.now();
  t.mock.method(performance, 'now', () => now + 2001);
  await get();
  assert.equal(asked.length, 2);
});

test('what was found wrong is asked anew, and an answer of an earlier core is not given', async (t) => {
  const { gateway, core, reads, asked, get, alice } = await keepOfCore(t);
  await pushImage(alice, 'team/app', 'v1');
  await get();
  await reads.ask({ method: 'GET', target: image, headers: {}, context }, true);
  assert.equal(asked.length, 2);
  core.kill('SIGKILL');
  await startCore(t, gateway.data);
  let answer = await get();
  while (answer === undefined) {
    await new Promise(setImmediate);
    answer = await get();
  }
  assert.equal(answer.statusCode, 200);
  assert.ok(asked.length > 2);
});

test('requests of one moment share one question for the version', async (t) => {
  const { gateway, alice } = await keepOfCore(t);
  await pushImage(alice, 'team/app', 'v1');
  const messages = openCoreMessages(join(gateway.data, 'run', 'core-messages.sock'));
  onEnd(t, () => messages.close());
  await messages.ask({ method: 'GET', target: '/v2/', headers: {}, context });
  const [one, other] = [messages.version(), messages.version()];
  assert.equal(one, other);
  await one;
  assert.notEqual(messages.version(), one);
  assert.equal(await messages.version(), await one);
});

test('through the gateway a deleted tag is gone at the next request, and a blob whose file was lost', async (t) => {
  const { gateway, alice } = await keepOfCore(t);
  const layers = [Buffer.alloc(maxHotBytes + 1, 'large')];
  const { layers: pushed } = await pushImage(alice, 'team/app', 'v1', { layers });
  const blob = `/v2/team/app/blobs/${pushed[0]!.digest}`;
  for (const path of [image, image, blob, blob]) assert.equal(await status(gateway, 'GET', path), 200);
  const hex = pushed[0]!.digest.slice('sha256:'.length);
  const directory = join(gateway.data, 'blobs', 'sha256', hex.slice(0, 2));
  for (const name of await readdir(directory)) if (name.startsWith(hex)) await rm(join(directory, name));
  assert.equal(await status(gateway, 'GET', blob), 404);
  assert.equal(await status(gateway, 'HEAD', blob), 404);
  assert.equal(await status(gateway, 'DELETE', image), 202);
  assert.equal(await status(gateway, 'GET', image), 404);
});
