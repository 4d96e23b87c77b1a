import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { as, request } from '../support/http.ts';
import { basic, password, startFakeCore, startGateway, type TestGateway } from './support.ts';

const dayMs = 86_400_000;

/** From now on it is so much later. */
function waitUntilLater(t: TestContext, ms: number): void {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + ms });
}

async function start(t: TestContext, settings = {}, headers: Record<string, string | string[]> = {}) {
  const gateway = await startGateway(t, settings);
  await startFakeCore(t, gateway.data, (_request, response) => response.writeHead(200, headers).end('{}'));
  return gateway;
}

async function bearer(gateway: TestGateway, user?: string): Promise<TestGateway> {
  const headers = user === undefined ? {} : { authorization: basic(user) };
  const answer = await request(gateway, { path: '/token?scope=repository:team/app:pull', headers });
  return { ...gateway, headers: { authorization: `Bearer ${answer.json.token}` } };
}

const warning = async (target: TestGateway, path = '/v2/') =>
  (await request(target, { path })).headers['warning'];

test('a token in the last tenth of its life warns its user, with the same words in each answer', async (t) => {
  const gateway = await start(t, { 'auth.token_lifetime': '10m' });
  const alice = await bearer(gateway, 'alice');
  assert.equal(await warning(alice), undefined);
  const endsAt = Math.floor(Date.now() / 1000) * 1000 + 600_000;
  waitUntilLater(t, 550_000);
  const first = await warning(alice);
  const time = /^299 - "your token ends at (\S+); get a new one before the next request"$/.exec(first!)![1]!;
  assert.ok(Math.abs(Date.parse(time) - endsAt) <= 2000, time);
  t.mock.timers.setTime(Date.now() + 20_000);
  assert.equal(await warning(alice, '/v2/team/app/tags/list'), first);
  assert.equal(await warning(as(gateway, 'alice', password)), undefined, 'a password has no end');
});

test('a token that anybody gets warns nobody', async (t) => {
  const gateway = await start(t, { 'auth.token_lifetime': '10m' });
  await gateway.admin.grant('anonymous', 'team/**', ['pull']);
  const anonymous = await bearer(gateway);
  waitUntilLater(t, 599_000);
  const answer = await request(anonymous, { path: '/v2/team/app/tags/list' });
  assert.deepEqual([answer.status, answer.headers['warning']], [200, undefined]);
});

test('a certificate that ends soon warns administrators, who can renew it, and nobody else', async (t) => {
  const gateway = await start(t, { 'tls.mode': 'own' });
  const ca = readFileSync(join(gateway.data, 'certs', 'ca.crt'), 'utf8');
  const [admin, alice] = ['admin', 'alice'].map((user) => ({ ...as(gateway, user, password), ca }));
  assert.equal(await warning(admin!), undefined);
  waitUntilLater(t, 390 * dayMs);
  assert.match(
    (await warning(admin!))!,
    /^299 - "the certificate of this registry ends at \S+Z; renew it with: gatehouse cert renew"$/,
  );
  assert.equal(await warning(alice!), undefined);
});

test('warnings of the core go out beside those of the gateway, and never more than 4096 bytes', async (t) => {
  const settings = { 'auth.token_lifetime': '10m' };
  const ours = '299 - "from the core"';
  const gateway = await start(t, settings, { Warning: ours });
  const flooded = await start(t, settings, { Warning: `299 - "${'x'.repeat(4090)}"` });
  const [alice, bob] = [await bearer(gateway, 'alice'), await bearer(flooded, 'bob')];
  assert.equal(await warning(alice), ours);
  waitUntilLater(t, 599_000);
  assert.match((await warning(alice))!, /^299 - "your token[^"]*", 299 - "from the core"$/);
  assert.match((await warning(bob))!, /^299 - "your token[^"]*"$/);
});
