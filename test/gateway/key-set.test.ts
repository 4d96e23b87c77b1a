import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request } from '../support/http.ts';
import { fileScope } from '../support/scope.ts';
import { startGateway } from './support.ts';

const gateway = await startGateway(fileScope);
const path = '/.well-known/jwks.json';

test('anybody may read the public keys, and keep them for five minutes', async () => {
  const answer = await request(gateway, { path });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['content-type'], 'application/jwk-set+json');
  assert.equal(answer.headers['cache-control'], 'public, max-age=300');
  assert.equal(answer.json.keys.length, 1);
  assert.equal(answer.json.keys[0].d, undefined);
  const head = await request(gateway, { path, method: 'HEAD' });
  assert.deepEqual([head.status, head.text], [200, '']);
  assert.equal(head.headers['content-length'], answer.headers['content-length']);
  const post = await request(gateway, { path, method: 'POST' });
  assert.deepEqual([post.status, post.headers.allow], [405, 'GET, HEAD']);
});

test('a rotation shows at once, without a restart', async () => {
  const kids = async () =>
    (await request(gateway, { path })).json.keys.map(({ kid }: { kid: string }) => kid) as string[];
  const [old] = await kids();
  const { kid: added } = await gateway.admin.rotateKey();
  assert.deepEqual(await kids(), [added, old]);
});
