import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { before, test } from 'node:test';
import { promisify } from 'node:util';
import {
  type ClientAuthorityFixture,
  type ClientPair,
  makeClientAuthority,
  readPair,
} from '../support/client-authority.ts';
import { fileScope, type Scope } from '../support/scope.ts';
import { missingTool } from '../support/tools.ts';
import { basic, startFakeCore, startGateway, type TestGateway, until } from './support.ts';

const skip = missingTool('openssl', 'curl');
let authority: ClientAuthorityFixture;
before(async () => {
  if (!skip) authority = await makeClientAuthority(fileScope);
});

type Settings = Parameters<typeof startGateway>[1];

/** Behind it a core that answers whatever the gateway lets through. */
async function startWith(scope: Scope, settings: Settings = {}): Promise<TestGateway> {
  const gateway = await startGateway(scope, {
    'tls.mode': 'own',
    'tls.client_certificates': 'optional',
    'tls.client_ca': authority.ca,
    ...settings,
  });
  await startFakeCore(scope, gateway.data, (_request, response) => response.end('{}'));
  return gateway;
}

/** curl with a client certificate: the status and the first error. */
async function curl(gateway: TestGateway, path: string, pair?: ClientPair, headers: string[] = []) {
  const args = ['--disable', '--noproxy', '*', '--silent', '--show-error', '--max-time', '20'];
  args.push('--cacert', join(gateway.data, 'certs', 'ca.crt'), '--write-out', '\n%{http_code}');
  if (pair) args.push('--cert', pair.cert, '--key', pair.key);
  for (const header of headers) args.push('--header', header);
  const { stdout } = await promisify(execFile)('curl', [...args, gateway.origin + path]);
  const end = stdout.lastIndexOf('\n');
  const body = stdout.slice(0, end);
  const error = body.startsWith('{') ? JSON.parse(body).errors?.[0] : undefined;
  return { status: Number(stdout.slice(end + 1)), body, error };
}

const refused = (reason: string) => `client-certificate-${reason}`;

test('a certificate is its user, with the rights of that user and no more', { skip }, async (t) => {
  const gateway = await startWith(t);
  const [alice, admin] = [await authority.issue('alice'), await authority.issue('admin')];
  assert.equal((await curl(gateway, '/v2/', alice)).status, 200);
  assert.equal((await curl(gateway, '/v2/', admin)).status, 200);
  const foreign = await curl(gateway, '/v2/other/app/tags/list', alice);
  assert.deepEqual([foreign.status, foreign.error.code], [403, 'DENIED']);
  assert.equal((await curl(gateway, '/v2/team/app/tags/list', alice)).status, 200);
  assert.equal((await curl(gateway, '/v2/other/app/tags/list', admin)).status, 200);
  const token = JSON.parse((await curl(gateway, '/token?scope=repository:team/app:pull', alice)).body);
  const bearer = [`Authorization: Bearer ${token.token}`];
  assert.equal((await curl(gateway, '/v2/team/app/tags/list', undefined, bearer)).status, 200);
});

test('optional: without a certificate all is as ever; credentials count before a certificate', {
  skip,
}, async (t) => {
  const gateway = await startWith(t);
  assert.equal((await curl(gateway, '/v2/')).status, 401);
  assert.equal((await curl(gateway, '/v2/', undefined, [`Authorization: ${basic('bob')}`])).status, 200);
  const alice = await authority.issue('alice');
  const wrong = await curl(gateway, '/v2/', alice, [`Authorization: ${basic('bob', 'a wrong password')}`]);
  assert.equal(wrong.status, 401);
});

test('a certificate that names nobody opens the door only; a disabled user is refused', {
  skip,
}, async (t) => {
  const gateway = await startWith(t, { 'tls.client_certificates': 'required' });
  const host = await authority.issue('build-host-7');
  assert.equal((await curl(gateway, '/v2/', host)).status, 401);
  assert.equal((await curl(gateway, '/v2/', host, [`Authorization: ${basic('bob')}`])).status, 200);
  const alice = await authority.issue('alice');
  await gateway.admin.setEnabled('alice', false);
  const disabled = await curl(gateway, '/v2/', alice);
  assert.deepEqual([disabled.status, disabled.error.detail.reason], [401, 'disabled']);
});

test('required: nothing without one but the health', { skip }, async (t) => {
  const gateway = await startWith(t, { 'tls.client_certificates': 'required' });
  for (const headers of [
    [],
    [`Authorization: ${basic('bob')}`],
    ['X-Client-Cert: alice', 'X-SSL-Client-CN: alice'],
  ]) {
    for (const path of ['/v2/', '/token', '/']) {
      const answer = await curl(gateway, path, undefined, headers);
      assert.deepEqual([answer.status, answer.error.detail.reason], [403, refused('absent')], path);
    }
  }
  assert.equal((await curl(gateway, '/healthz')).status, 200);
  assert.notEqual((await curl(gateway, '/readyz')).status, 403);
  assert.equal((await curl(gateway, '/v2/', await authority.issue('bob'))).status, 200);
});

test('foreign, expired and server certificates are refused, each in words', { skip }, async (t) => {
  const gateway = await startWith(t);
  const other = await makeClientAuthority(t);
  for (const [pair, reason, words] of [
    [await other.issue('alice'), 'foreign', /not issued by an authority/],
    [await authority.issue('alice', { days: 0 }), 'expired', /has expired/],
    [await authority.issue('alice', { purpose: 'serverAuth' }), 'purpose', /not one for clients/],
  ] as const) {
    const answer = await curl(gateway, '/v2/', pair, [`Authorization: ${basic('alice')}`]);
    assert.deepEqual([answer.status, answer.error.code], [403, 'DENIED']);
    assert.equal(answer.error.detail.reason, refused(reason));
    assert.match(answer.error.message, words);
  }
});

for (const [form, names] of [
  ['email:{user}@example.com', ['email:alice@example.com', 'email:alice@example.org']],
  ['dns:{user}.clients.example.com', ['DNS:alice.clients.example.com']],
  ['uri:spiffe://example.com/user/{user}', ['URI:spiffe://example.com/user/alice']],
] as const) {
  test(`${form}: the user is found in the subjectAltName, in that form alone`, { skip }, async (t) => {
    const gateway = await startWith(t, { 'tls.client_user': form });
    assert.equal(
      (await curl(gateway, '/v2/', await authority.issue('bob', { names: [...names] }))).status,
      200,
    );
    const other = names.map((name) => name.replace('example.com', 'example.net'));
    assert.equal((await curl(gateway, '/v2/', await authority.issue('alice', { names: other }))).status, 401);
    const two = [...names, names[0].replace('alice', 'admin')];
    assert.equal((await curl(gateway, '/v2/', await authority.issue('alice', { names: two }))).status, 401);
  });
}

test('revoked: refused at once, on open connections and resumed sessions too', { skip }, async (t) => {
  const gateway = await startWith(t, { 'tls.client_crl': authority.crl });
  const [alice, bob] = [await authority.issue('alice'), await authority.issue('bob')];
  const agent = new Agent({ keepAlive: true, maxCachedSessions: 10 });
  t.after(() => agent.destroy());
  const ca = readFileSync(join(gateway.data, 'certs', 'ca.crt'));
  const { cert, key } = await readPair(alice);
  // biome-ignore lint/suspicious/noExplicitAny: an answer of any shape
  const ask = async (): Promise<any> => {
    const sent = request({ host: '127.0.0.1', port: gateway.port, path: '/v2/', agent, ca, cert, key }).end();
    try {
      const [response] = await once(sent, 'response');
      // biome-ignore lint/suspicious/noExplicitAny: an answer of any shape
      const body = (await json(response)) as any;
      return {
        status: response.statusCode,
        reason: body.errors?.[0].detail?.reason,
        reused: sent.reusedSocket,
      };
    } catch (error) {
      // As every client does when an idle connection is closed just as it is used again.
      if (sent.reusedSocket) return ask();
      throw error;
    }
  };
  assert.equal((await ask()).status, 200);
  assert.deepEqual(await ask(), { status: 200, reason: undefined, reused: true });
  await authority.revoke(alice);
  await until(async () => (await ask()).reason === refused('revoked'), 'the revoked certificate is refused');
  assert.equal((await curl(gateway, '/v2/', alice)).error.detail.reason, refused('revoked'));
  assert.equal((await curl(gateway, '/v2/', bob)).status, 200);
});

test('a bad new list of revoked certificates keeps the old one', { skip }, async (t) => {
  const own = await makeClientAuthority(t);
  const gateway = await startWith(t, { 'tls.client_ca': own.ca, 'tls.client_crl': own.crl });
  const [alice, bob] = [await own.issue('alice'), await own.issue('bob')];
  await own.revoke(alice);
  await until(async () => (await curl(gateway, '/v2/', alice)).status === 403, 'the list is read');
  await copyFile(own.ca, own.crl);
  await until(
    () => gateway.log.some(({ message }) => /the old ones stay/.test(message)),
    'the fault is logged',
  );
  assert.equal((await curl(gateway, '/v2/', alice)).status, 403);
  assert.equal((await curl(gateway, '/v2/', bob)).status, 200);
});

test('what does not go together is said before anything starts', { skip }, async (t) => {
  const { ca } = authority;
  await assert.rejects(startWith(t, { 'tls.client_ca': '' }), /tls.client_ca: "" — expected a PEM file/);
  await assert.rejects(
    startWith(t, { 'tls.mode': 'off' }),
    /tls.client_certificates: "optional" — expected off/,
  );
  await assert.rejects(startWith(t, { 'tls.client_user': 'cn:alice' }), /\{user\}/);
  const leaf = await authority.issue('alice');
  await assert.rejects(startWith(t, { 'tls.client_ca': leaf.cert }), /no authority's/);
  await assert.rejects(startWith(t, { 'tls.client_crl': ca }), /no list of revoked certificates/);
});
