import assert from 'node:assert/strict';
import { createHash, createHmac, createPublicKey } from 'node:crypto';
import { test } from 'node:test';
import { type Answer, as, request } from '../support/http.ts';
import { fileScope } from '../support/scope.ts';
import { decodeJwt, es256, makeJwt, storedKeys } from './identity-fixture.ts';
import { basic, password, raw, startCore, startGateway } from './support.ts';

/** What somebody tries who has a token, or wants a better one, against the gateway and the real core. */
const gateway = await startGateway(fileScope, { 'auth.services': 'other' });
await startCore(fileScope, gateway.data);
const { admin } = gateway;
await admin.grant('alice', 'secret/**', ['pull', 'push']);

const digestOf = (bytes: string | Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const secretBlob = Buffer.from('a layer that bob may not see');

function send(path: string, token?: string, method = 'GET', body?: Buffer): Promise<Answer> {
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return request(gateway, { path, method, headers, body });
}

async function tokenOf(user: string, query: string): Promise<Record<string, string>> {
  const answer = await request(as(gateway, user, password), { path: `/token?${query}` });
  assert.equal(answer.status, 200, answer.text);
  return answer.json;
}

/** `insufficient_scope` or `invalid_token` of a refusal. */
function faultOf({ status, headers, text }: Answer): string {
  assert.equal(status, 401, text);
  return /error="([a-z_]+)"/.exec(headers['www-authenticate']!)?.[1] ?? '';
}

test('a token to pull does not push, and one to push elsewhere does not push here', async () => {
  const narrow = (await tokenOf('alice', 'scope=repository:team/x:pull'))['token'];
  for (const [method, path] of [
    ['POST', '/v2/team/x/blobs/uploads/'],
    ['PUT', '/v2/team/x/manifests/v1'],
    ['POST', `/v2/team/x/blobs/uploads/?digest=${digestOf('x')}`],
  ] as const) {
    assert.equal(faultOf(await send(path, narrow, method)), 'insufficient_scope', `${method} ${path}`);
  }
  const elsewhere = (await tokenOf('alice', 'scope=repository:team/y:pull,push'))['token'];
  assert.equal(faultOf(await send('/v2/team/x/blobs/uploads/', elsewhere, 'POST')), 'insufficient_scope');
  assert.equal((await send('/v2/team/y/blobs/uploads/', elsewhere, 'POST')).status, 202);
});

test('scope injection: whatever is asked for and however, what is not granted is not in the token', async () => {
  const tries = [
    'scope=repository:secret/x:pull,push',
    'scope=repository:team/x:pull%20repository:secret/x:pull',
    'scope=repository:team/x:pull&scope=repository:secret/x:push',
    'scope=repository:secret/x:*',
    'scope=repository(plugin):secret/x:pull',
    'scope=repository:secret/x:pull,push,delete,admin',
    'scope=registry:secret/x:*',
    'account=alice&scope=repository:secret/x:pull',
    'service=other&scope=repository:secret/x:pull',
    'scope=repository:team/x:delete',
    'scope=admin:users:*',
  ];
  for (const query of tries) {
    const { token } = await tokenOf('bob', query);
    const { claims } = decodeJwt(token!);
    assert.equal(claims['sub'], 'bob');
    for (const { type, name, actions } of claims['access'] as Record<string, string | string[]>[]) {
      assert.deepEqual([type, name, actions], ['repository', 'team/x', ['pull']], query);
    }
    assert.notEqual((await send('/v2/secret/x/tags/list', token)).status, 200, query);
  }
  const malformed = [
    'repository:team/../secret/x:pull',
    'repository:secret/x/:pull',
    'repository:SECRET/x:pull',
    'repository:secret/**:pull',
    'repository:secret/x:pull%0Arepository:secret/y:push',
    'repository:secret/x%00:pull',
    'repository:%EF%BD%93ecret/x:pull',
    'repository:secret%252fx:pull',
    'repository:secret/x:PULL',
  ];
  for (const scope of malformed) {
    const answer = await request(as(gateway, 'bob', password), { path: `/token?scope=${scope}` });
    assert.equal(answer.status, 400, scope);
  }
});

test('claims are not widened, headers not replaced, and no other key is talked into being ours', async () => {
  const { token } = await tokenOf('bob', 'scope=repository:team/x:pull');
  const { header, claims } = decodeJwt(token!);
  const [, , signature] = token!.split('.');
  const { key } = storedKeys(gateway.config)[0]!;
  const pem = createPublicKey(key).export({ format: 'pem', type: 'spki' });
  const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const wide = { ...claims, access: [{ type: 'repository', name: 'secret/x', actions: ['pull'] }] };
  const now = Math.floor(Date.now() / 1000);
  const forServiceOther = (await tokenOf('bob', 'service=other&scope=repository:team/x:pull'))['token']!;
  const forged: Record<string, string> = {
    'wider claims, old signature': `${encoded(header)}.${encoded(wide)}.${signature}`,
    'alg none': makeJwt({ ...header, alg: 'none' }, wide, () => Buffer.alloc(0)),
    'public key as a secret': makeJwt({ ...header, alg: 'HS256' }, wide, (input) =>
      createHmac('sha256', pem).update(input).digest(),
    ),
    'kid of a file': makeJwt({ ...header, kid: '../../../dev/null' }, wide, es256(key)),
    'other issuer': makeJwt(header, { ...claims, iss: 'https://gatehouse' }, es256(key)),
    'other audience': makeJwt(header, { ...claims, aud: 'other' }, es256(key)),
    'several audiences but ours': makeJwt(header, { ...claims, aud: ['other', 'another'] }, es256(key)),
    expired: makeJwt(header, { ...claims, exp: now - 6 }, es256(key)),
    'not yet valid': makeJwt(header, { ...claims, nbf: now + 30 }, es256(key)),
    'for another service': forServiceOther,
    'twice as long': `${token}.${signature}`,
  };
  for (const [what, text] of Object.entries(forged)) {
    assert.equal(faultOf(await send('/v2/team/x/tags/list', text)), 'invalid_token', what);
    assert.equal(faultOf(await send('/v2/secret/x/tags/list', text)), 'invalid_token', what);
  }
  assert.equal((await send('/v2/team/x/tags/list', token)).status, 404);
});

test('header injection: two credentials are none, and nothing of a header gets into another', async () => {
  const { token } = await tokenOf('alice', 'scope=repository:secret/x:pull');
  const ask = (lines: string[]) =>
    raw(
      gateway.port,
      [
        `GET /v2/secret/x/tags/list HTTP/1.1`,
        `Host: ${gateway.host}`,
        'Connection: close',
        ...lines,
        '',
        '',
      ].join('\r\n'),
    );
  const bobs = basic('bob');
  for (const lines of [
    [`Authorization: ${bobs}`, `Authorization: Bearer ${token}`],
    [`Authorization: Bearer ${token}`, `authorization: ${bobs}`],
    [`Authorization: ${bobs}, Bearer ${token}`],
    [`Authorization: ${bobs}\r\n Bearer ${token}`],
    [`Authorization: ${bobs}`, 'X-Gatehouse-Context: e30', 'X-Forwarded-User: alice', 'Remote-User: admin'],
    ['X-Original-Authorization: x', `Proxy-Authorization: Bearer ${token}`],
    [`Cookie: token=${token}`],
  ]) {
    assert.match(await ask(lines), /^HTTP\/1\.1 40[013] /, lines.join('|'));
  }
  // What may stand in a challenge is what was understood, never what was typed.
  const odd = await raw(
    gateway.port,
    `GET /v2/a%22%0d%0aX-Injected:%201/tags/list HTTP/1.1\r\nHost: ${gateway.host}\r\nConnection: close\r\n\r\n`,
  );
  assert.doesNotMatch(odd, /^x-injected/im);
  const service = await request(gateway, { path: '/token?service=%0d%0aX-Injected:%201' });
  assert.equal(service.status, 400);
  assert.equal(service.headers['x-injected'], undefined);
});

test('a mount from a forbidden repository gives nothing, and does not tell whether the blob is there', async () => {
  const alices = (await tokenOf('alice', 'scope=repository:secret/x:pull,push'))['token'];
  const digest = digestOf(secretBlob);
  const pushed = await send(`/v2/secret/x/blobs/uploads/?digest=${digest}`, alices, 'POST', secretBlob);
  assert.equal(pushed.status, 201, pushed.text);
  await admin.grant('bob', 'bobs/**', ['pull', 'push']);
  const wanted = 'scope=repository:bobs/x:pull,push&scope=repository:secret/x:pull';
  const token = (await tokenOf('bob', wanted))['token'];
  const mount = (blob: string, from: string) => `/v2/bobs/x/blobs/uploads/?mount=${blob}${from}`;
  for (const credentials of [{ authorization: `Bearer ${token}` }, { authorization: basic('bob') }]) {
    for (const from of ['&from=secret/x', '']) {
      const answers = await Promise.all(
        [digest, digestOf('there is no such blob')].map((blob) =>
          request(gateway, { method: 'POST', path: mount(blob, from), headers: credentials }),
        ),
      );
      const [there, missing] = answers.map(({ status }) => status);
      assert.equal(there, missing);
      assert.notEqual(there, 201);
    }
  }
  assert.equal((await send(`/v2/bobs/x/blobs/${digest}`, token, 'HEAD')).status, 404);
});

test('a live token of somebody who is disabled, and a refresh token used again after it was revoked', async () => {
  await admin.addUser('mallory', password);
  const login = 'scope=repository:mallory/x:pull,push&offline_token=true&client_id=test';
  const { token, refresh_token: secret } = await tokenOf('mallory', login);
  const replay = () =>
    request(gateway, {
      method: 'POST',
      path: '/token',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: `grant_type=refresh_token&service=&client_id=test&refresh_token=${secret}`,
    });
  const live = () => send('/v2/mallory/x/blobs/uploads/', token, 'POST');
  assert.deepEqual([(await live()).status, (await replay()).status], [202, 200]);
  const again = (await replay()).json.token;
  await admin.setEnabled('mallory', false);
  assert.deepEqual([faultOf(await live()), (await replay()).status], ['invalid_token', 401]);
  await admin.setEnabled('mallory', true);
  assert.deepEqual([faultOf(await live()), (await replay()).status], ['invalid_token', 401]);
  assert.equal(faultOf(await send('/v2/mallory/x/tags/list', again)), 'invalid_token');
});
