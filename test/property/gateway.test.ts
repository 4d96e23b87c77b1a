import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { clientOriginReader } from '../../gateway/client-address.ts';
import { parseHost } from '../../gateway/hostname.ts';
import { parseAuthorization } from '../../gateway/identity/authorization-header.ts';
import { formatScopes, parseScopes } from '../../gateway/identity/scopes.ts';
import { addressKey } from '../../gateway/limits/address-key.ts';
import { OciError } from '../../oci/errors.ts';
import { anyText, onlyOciErrors, repository } from './support.ts';

const action = fc.constantFrom('pull', 'push', 'delete', '*');
const scopeText = fc
  .tuple(repository, fc.uniqueArray(action, { minLength: 1 }))
  .map(([name, actions]) => `repository:${name}:${actions.join()}`);
const nearlyScope = fc.oneof(
  scopeText,
  fc.stringMatching(/^[a-z()]{0,12}:[a-zA-Z0-9/:*. _-]{0,20}:[a-z*,]{0,12}$/),
  anyText,
);

test('scopes: what is read is written and read to the same; anything else is an OciError', () => {
  fc.assert(
    fc.property(fc.array(nearlyScope, { maxLength: 40 }), fc.boolean(), (texts, joined) => {
      const scopes = onlyOciErrors(() => parseScopes(joined ? [texts.join(' ')] : texts));
      if (!scopes) return;
      assert.ok(scopes.length <= 32);
      assert.deepEqual(parseScopes([formatScopes(scopes)]), scopes);
      assert.equal(new Set(scopes.map(({ type, name }) => `${type}:${name}`)).size, scopes.length);
    }),
    { numRuns: 3000 },
  );
});

test('scopes: all that are asked for are there, the actions of one name together', () => {
  fc.assert(
    fc.property(fc.array(scopeText, { maxLength: 6 }), (texts) => {
      const scopes = parseScopes(texts);
      for (const text of texts) {
        const [, name, actions] = text.split(':');
        const found = scopes.find((scope) => scope.name === name);
        for (const wanted of actions!.split(',')) assert.ok(found?.actions.includes(wanted), text);
      }
    }),
  );
});

test('Authorization: name and password come out as they went in', () => {
  const text = anyText.filter((value) => value.isWellFormed() && !/[\u0000-\u001f\u007f]/.test(value));
  const scheme = fc.constantFrom('Basic', 'basic', 'BASIC');
  fc.assert(
    fc.property(scheme, text, text, (word, given, password) => {
      const name = given.replaceAll(':', '');
      const value = Buffer.from(`${name}:${password}`).toString('base64');
      assert.deepEqual(parseAuthorization(`${word} ${value}`), { scheme: 'basic', name, password });
    }),
    { numRuns: 2000 },
  );
});

test('Authorization: anything else is a 401 in which nothing of the header stands', () => {
  const secret = fc.stringMatching(/^[A-Za-z0-9+/=._~-]{12,40}$/);
  const header = fc.oneof(
    anyText,
    fc.tuple(
      fc.constantFrom('Basic', 'Bearer', 'Digest', 'Negotiate', ''),
      fc.constantFrom(' ', '  ', '\t', ''),
      secret,
    ),
    fc.tuple(fc.constantFrom('Basic '), secret, fc.constantFrom(' trailing', ',', ';x', '\u0000')),
  );
  fc.assert(
    fc.property(header, (parts) => {
      const text = typeof parts === 'string' ? parts : parts.join('');
      try {
        const credentials = parseAuthorization(text);
        assert.ok(['basic', 'bearer'].includes(credentials.scheme));
      } catch (error) {
        assert.ok(error instanceof OciError && error.status === 401, String(error));
        for (const part of text.split(/[ ,;]+/)) {
          if (part.length >= 12) assert.ok(!error.toBody().includes(JSON.stringify(part).slice(1, -1)), part);
        }
      }
    }),
    { numRuns: 3000 },
  );
});

const octet = fc.nat(255);
const ipv4 = fc.tuple(octet, octet, octet, octet).map((parts) => parts.join('.'));
const ipv6 = fc.ipV6();
const host = fc.oneof(
  ipv4,
  fc.oneof(ipv6, ipv4, fc.domain(), fc.constant('cafe')).map((name) => `[${name}]`),
  fc.domain(),
  fc.stringMatching(/^[a-zA-Z0-9._[\]:@/-]{0,30}$/),
  anyText,
);

test('Host: what is taken is a name and a port that stand in a URL, and reads to itself', () => {
  fc.assert(
    fc.property(
      host,
      fc.constantFrom('', ':', ':0', ':443', ':65535', ':65536', ':x', ':1:2'),
      (name, port) => {
        const read = onlyOciErrors(() => parseHost(name + port));
        if (!read) return;
        assert.deepEqual(parseHost(read.authority), read);
        assert.match(read.authority, /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?$/);
        assert.equal(read.authority.startsWith('['), isIP(read.name) === 6);
        assert.ok(!name.startsWith('[') || isIP(name.slice(1, -1)) === 6, 'brackets are for IPv6');
      },
    ),
    { numRuns: 5000 },
  );
});

const hop = fc.oneof(
  ipv4,
  ipv6,
  ipv4.map((address) => `${address}:80`),
  ipv6.map((address) => `[${address}]:443`),
  ipv4.map((address) => `::ffff:${address}`),
  fc.constantFrom('unknown', '_hidden', '', '10.0.0.1', '10.9.9.9', '127.0.0.1', '1.2.3', '1.2.3.4.5', '::'),
  anyText,
);
const from = (remoteAddress: string, headers: Record<string, string>) =>
  ({ socket: { remoteAddress }, headers }) as unknown as IncomingMessage;

test('X-Forwarded-For: of a stranger it counts for nothing; of a listed proxy it gives an address', () => {
  const read = clientOriginReader({
    'proxy.trusted': ['10.0.0.0/8', '::1', 'fd00::/8'],
    'proxy.header': 'x-forwarded-for',
  });
  fc.assert(
    fc.property(
      fc.array(hop, { maxLength: 5 }),
      fc.oneof(ipv4, ipv6),
      fc.boolean(),
      (hops, peer, trusted) => {
        const near = trusted ? '10.1.2.3' : `192.168.${peer.length}.1`;
        const headers = { 'x-forwarded-for': [...hops, ...(trusted ? [peer] : [])].join(', ') };
        const origin = read(from(near, headers), true);
        assert.equal(origin.throughProxy, trusted);
        assert.notEqual(isIP(origin.address), 0, origin.address);
        if (!trusted) assert.equal(origin.address, near);
        assert.ok(addressKey(origin.address).length < 60);
        // Whatever stands further left is what the client claims.
        const isKnown = isIP(peer) === 4 && !peer.startsWith('10.');
        if (trusted && isKnown) assert.equal(origin.address, peer);
      },
    ),
    { numRuns: 3000 },
  );
});
