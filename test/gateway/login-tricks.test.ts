import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { request } from '../support/http.ts';
import { basic, password, startFakeCore, startGateway } from './support.ts';

const encode = (text: string | Buffer) => `Basic ${Buffer.from(text).toString('base64')}`;

/** Each is nearly alice with her password. */
const nearly: readonly (readonly [string, string | string[]])[] = [
  ['another case', basic('Alice')],
  ['a space before the name', basic(' alice')],
  ['a space after the name', basic('alice ')],
  ['NUL in the name', encode(`alice\0:${password}`)],
  ['NUL after the password', encode(`alice:${password}\0`)],
  ['NUL and more after the password', encode(`alice:${password}\0anything`)],
  ['a newline after the name', encode(`alice\n:${password}`)],
  ['a newline after the password', encode(`alice:${password}\n`)],
  ['two colons', encode(`alice::${password}`)],
  ['a path', basic('./alice')],
  ['a path up', basic('team/../alice')],
  ['percent-encoded', basic('%61lice')],
  ['a pattern for the name', basic('*')],
  ['a pattern of SQL', basic('alic_')],
  ['another pattern of SQL', basic('ali%')],
  ['SQL', basic("alice' --")],
  ['a Cyrillic letter', basic('\u0430lice')],
  ['full-width letters', basic('\uff41lice')],
  ['a combining mark', basic('alice\u0301')],
  ['a zero-width joiner', basic('ali\u200dce')],
  ['a byte order mark before the name', encode(`\ufeffalice:${password}`)],
  ['a domain', basic('alice@example.com')],
  ['a team of the name', basic('team:alice')],
  ['a robot of the name', basic('robot+alice')],
  ['no name', basic('')],
  ['no password', basic('alice', '')],
  ['the name as password', basic('alice', 'alice')],
  ['her hash for the password', basic('alice', '$2b$08$C6UzMDM.H6dfI/f/IKcEeO')],
  ['Latin-1', encode(Buffer.from(`al\u00efce:${password}`, 'latin1'))],
  [
    'an overlong encoding',
    encode(Buffer.concat([Buffer.from([0xc1, 0xa1]), Buffer.from(`lice:${password}`)])),
  ],
  ['no colon', encode('alice')],
  ['base64 twice', encode(basic('alice').slice(6))],
  ['a tab for the space', basic('alice').replace(' ', '\t')],
  ['something after it', `${basic('alice')},Basic x`],
  ['another scheme', basic('alice').replace('Basic', 'Digest')],
  ['two headers', [basic('alice'), basic('bob')]],
  ['twice the same header', [basic('alice'), basic('alice')]],
  ['a good one after a bad one', [basic('nobody'), basic('alice')]],
];

test('what is nearly the right name and password is refused on every way in, and is nobody', async (t) => {
  const settings = { 'limits.address_failed_logins': '100000/1s', 'limits.failed_logins': '100000/1s' };
  const gateway = await startGateway(t, settings);
  await startFakeCore(t, gateway.data, (_request, response) => response.end('{}'));
  const good = await request(gateway, { path: '/v2/', headers: { authorization: basic('alice') } });
  assert.equal(good.status, 200);
  for (const [what, authorization] of nearly) {
    for (const path of ['/v2/', '/v2/_catalog', '/token?scope=repository:alice/app:pull']) {
      // Node sends a list as one header after the other.
      const headers = { authorization } as Record<string, string>;
      const { status, json } = await request(gateway, { path, headers });
      assert.ok(status === 401 || status === 400, `${what}: ${status} for ${path}`);
      assert.ok(!JSON.stringify(json).includes(password), what);
      assert.equal(json.token, undefined, what);
    }
  }
});

test('no other Authorization header than the right one is alice', async (t) => {
  const settings = { 'limits.address_failed_logins': '100000/1s', 'limits.failed_logins': '100000/1s' };
  const gateway = await startGateway(t, settings);
  await startFakeCore(t, gateway.data, (_request, response) => response.end('{}'));
  const right = basic('alice');
  const edit = fc.record({
    at: fc.integer({ min: 6, max: right.length - 1 }),
    to: fc.constantFrom(...'ABCDabcd0123+/=-_ ,'),
    insert: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(edit, async ({ at, to, insert }) => {
      const authorization = right.slice(0, at) + to + right.slice(insert ? at : at + 1);
      // Bits of the last digit that say nothing: the same bytes, and so the same credentials.
      const bytes = Buffer.from(authorization.slice(6).trim(), 'base64').toString();
      fc.pre(authorization.trim() !== right && bytes !== `alice:${password}`);
      const { status } = await request(gateway, { path: '/v2/', headers: { authorization } });
      assert.ok(status === 401 || status === 400, `${status} for ${authorization}`);
    }),
    { numRuns: 60 },
  );
});
