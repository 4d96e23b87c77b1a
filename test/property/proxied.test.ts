import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseForwarded } from '../../gateway/proxied/forwarded.ts';
import { readProxyHeader } from '../../gateway/proxied/proxy-header.ts';
import { block4, block6, commands, families, version1, version2 } from '../gateway/proxy-headers.ts';
import { anyText } from './support.ts';

const ipv4 = fc.ipV4();
const words = fc.array(fc.nat(0xffff), { minLength: 8, maxLength: 8 });
const more = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));

const header: fc.Arbitrary<Buffer> = fc.oneof(
  ipv4.map((address) => version1(address)),
  fc
    .tuple(ipv4, more)
    .map(([address, rest]) => version2(commands.proxy, families.tcp4, block4(address), rest)),
  fc
    .tuple(words, more)
    .map(([address, rest]) => version2(commands.proxy, families.tcp6, block6(address), rest)),
  more.map((rest) => version2(commands.local, families.none, rest)),
);

test('a PROXY header is found whole, whatever follows, and is incomplete at every cut', () => {
  fc.assert(
    fc.property(
      header,
      more,
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (bytes, rest, cut) => {
        const found = readProxyHeader(Buffer.concat([bytes, rest]));
        assert.ok(found.state === 'complete');
        assert.equal(found.length, bytes.length);
        assert.ok(found.source === undefined || isIP(found.source) !== 0);
        const part = bytes.subarray(0, Math.floor(bytes.length * cut));
        assert.deepEqual(readProxyHeader(part), { state: 'incomplete' });
      },
    ),
    { numRuns: 3000 },
  );
});

test('the source of a PROXY header is the one that was sent', () => {
  fc.assert(
    fc.property(ipv4, words, (address, eight) => {
      const four = readProxyHeader(version2(commands.proxy, families.tcp4, block4(address)));
      assert.ok(four.state === 'complete' && four.source === address);
      const six = readProxyHeader(version2(commands.proxy, families.tcp6, block6(eight)));
      assert.ok(six.state === 'complete');
      const mapped = eight.slice(0, 6).join() === '0,0,0,0,0,65535';
      if (mapped) return;
      const expected = new URL(`http://[${eight.map((word) => word.toString(16)).join(':')}]`).hostname;
      assert.equal(`[${six.source}]`, expected);
    }),
  );
});

test('of any bytes a PROXY header is refused or read; never more than 4 KiB are waited for', () => {
  const start = fc.constantFrom(
    Buffer.alloc(0),
    Buffer.from('PROXY '),
    version2(commands.proxy, families.tcp4, []).subarray(0, 13),
  );
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 5000 }), (first, bytes) => {
      const all = Buffer.concat([first, bytes]);
      const found = readProxyHeader(all);
      if (found.state === 'complete') assert.ok(found.length <= all.length && found.length <= 4096);
      if (found.state === 'incomplete') assert.ok(all.length < 4096);
    }),
    { numRuns: 3000 },
  );
});

const value = fc.oneof(
  ipv4,
  ipv4.map((address) => `${address}:${address.length}`),
  fc.ipV6().map((address) => `[${address}]`),
  fc.constantFrom('unknown', '_hidden', ''),
  fc.string({ unit: 'grapheme-ascii', maxLength: 20 }),
);

/** As RFC 7239 section 4 wants it: quoted wherever it is no token. */
function written(text: string, quote: boolean): string {
  if (!quote && /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(text)) return text;
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

test('what is written as Forwarded is read again, element by element', () => {
  const element = fc.record({
    node: value,
    protocol: fc.constantFrom('http', 'https', undefined),
    quote: fc.boolean(),
  });
  const separator = fc.constantFrom(',', ', ', ' ,\t', ', ,');
  fc.assert(
    fc.property(fc.array(element, { minLength: 1, maxLength: 6 }), separator, (elements, between) => {
      const line = elements
        .map(({ node, protocol, quote }) => {
          const proto = protocol === undefined ? '' : `;Proto=${written(protocol, quote)}`;
          return `for=${written(node, quote)}${proto}`;
        })
        .join(between);
      const hops = parseForwarded(line);
      assert.ok(hops, line);
      assert.deepEqual(
        hops.map(({ protocol }) => protocol),
        elements.map(({ protocol }) => protocol),
      );
      for (const [index, { node }] of elements.entries()) {
        const found: string | undefined = hops[index]?.address;
        if (isIP(node) === 4) assert.equal(found, node);
        if (found !== undefined) assert.notEqual(isIP(found), 0);
      }
    }),
    { numRuns: 3000 },
  );
});

test('of any text Forwarded gives addresses, or nothing', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        anyText,
        fc.array(fc.constantFrom(...'for=";,\\ [1:2].'), { maxLength: 60 }).map((c) => c.join('')),
      ),
      (line) => {
        for (const { address } of parseForwarded(line) ?? []) {
          assert.ok(address === undefined || isIP(address) !== 0);
        }
      },
    ),
    { numRuns: 5000 },
  );
});
