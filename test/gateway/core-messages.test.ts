import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openCoreMessages } from '../../gateway/core-messages.ts';
import { maxAnswerBytes } from '../../runtime/read-messages.ts';
import { temporaryDirectory } from '../support/files.ts';
import { as, request } from '../support/http.ts';
import { OCI_MANIFEST, pushBlob, pushImage, pushManifest } from '../support/push.ts';
import { onEnd } from '../support/scope.ts';
import { password, startCore, startGateway } from './support.ts';

const context = { actor: 'alice', requestId: 'r', clientAddress: '192.0.2.1' };

test('a manifest, a blob and what is not there, asked of the real core', async (t) => {
  const gateway = await startGateway(t);
  await startCore(t, gateway.data);
  const alice = as(gateway, 'alice', password);
  const image = await pushImage(alice, 'team/app', 'v1');
  const messages = openCoreMessages(join(gateway.data, 'run', 'core-messages.sock'));
  onEnd(t, () => messages.close());
  const ask = (method: string, target: string, headers = {}) =>
    messages.ask({ method, target, headers, context });
  const [got, head, missing, malformed] = await Promise.all([
    ask('GET', '/v2/team/app/manifests/v1'),
    ask('HEAD', '/v2/team/app/manifests/v1'),
    ask('GET', '/v2/team/app/manifests/none'),
    ask('GET', '/v2/team/app/manifests/v1', { 'if-match': '"other"' }),
  ]);
  assert.deepEqual([got?.statusCode, got?.body], [200, image.manifest]);
  assert.equal(got?.headers['docker-content-digest'], image.digest);
  assert.deepEqual([head?.statusCode, head?.headers, head?.body.length], [200, got?.headers, 0]);
  assert.equal(missing?.statusCode, 404);
  assert.equal(JSON.parse(`${missing?.body}`).errors[0].code, 'MANIFEST_UNKNOWN');
  assert.equal(malformed?.statusCode, 412);
});

test('what is no small read, or answered by more than fits, is for HTTP', async (t) => {
  const gateway = await startGateway(t);
  await startCore(t, gateway.data);
  const alice = as(gateway, 'alice', password);
  const config = await pushBlob(alice, 'team/app', 'config');
  const descriptor = { mediaType: 'application/x', digest: config, size: 6 };
  const annotations = { filler: 'x'.repeat(maxAnswerBytes) };
  const manifest = { schemaVersion: 2, mediaType: OCI_MANIFEST, config: descriptor, layers: [], annotations };
  await pushManifest(alice, 'team/app', 'large', manifest);
  const messages = openCoreMessages(join(gateway.data, 'run', 'core-messages.sock'));
  onEnd(t, () => messages.close());
  const ask = (method: string, target: string) => messages.ask({ method, target, headers: {}, context });
  assert.equal(await ask('GET', '/v2/team/app/manifests/large'), undefined);
  assert.equal((await ask('HEAD', '/v2/team/app/manifests/large'))?.statusCode, 200);
  assert.equal(await ask('GET', '/v2/team/app/tags/list'), undefined);
  assert.equal(await ask('DELETE', '/v2/team/app/manifests/large'), undefined);
  const whole = await request(alice, { path: '/v2/team/app/manifests/large' });
  assert.deepEqual(JSON.parse(whole.text), manifest);
});

test('without a core there is no answer; with the next one there is', async (t) => {
  const data = await temporaryDirectory(t, 'gateway');
  const messages = openCoreMessages(join(data, 'core-messages.sock'));
  onEnd(t, () => messages.close());
  const question = { method: 'GET', target: '/v2/', headers: {}, context };
  assert.equal(await messages.ask(question), undefined);
  const gateway = await startGateway(t);
  const first = await startCore(t, gateway.data);
  const alive = openCoreMessages(join(gateway.data, 'run', 'core-messages.sock'));
  onEnd(t, () => alive.close());
  assert.equal((await alive.ask(question))?.statusCode, 200);
  first.kill('SIGKILL');
  while ((await alive.ask(question)) !== undefined);
  await startCore(t, gateway.data);
  let answer = await alive.ask(question);
  while (answer === undefined) {
    await new Promise(setImmediate);
    answer = await alive.ask(question);
  }
  assert.equal(answer.statusCode, 200);
});
