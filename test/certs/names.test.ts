import assert from 'node:assert/strict';
import { hostname, networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { CertificateError, canonicalName, machineNames } from '../../certs/index.ts';
import { addressBytes } from '../../certs/names.ts';

const CANONICAL: [given: string, canonical: string][] = [
  ['Registry.Example.COM', 'registry.example.com'],
  ['registry.example.com.', 'registry.example.com'],
  ['bücher.example', 'xn--bcher-kva.example'],
  ['*.apps.example.com', '*.apps.example.com'],
  ['my_box', 'my_box'],
  ['10.0.0.1', '10.0.0.1'],
  ['[::1]', '::1'],
  ['0:0:0:0:0:0:0:1', '::1'],
  ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['::ffff:10.0.0.1', '10.0.0.1'],
];

for (const [given, canonical] of CANONICAL) {
  test(`${given} is written ${canonical}`, () => assert.equal(canonicalName(given), canonical));
}

const REFUSED = [
  '',
  ' ',
  'a b',
  'https://a.example',
  'a.example:8443',
  '-a.example',
  'a..example',
  'a.*.example',
];
REFUSED.push(
  '*',
  '*.',
  '1.2.3',
  'fe80::1%eth0',
  'a'.repeat(64),
  `${'a.'.repeat(127)}example`,
  'a,DNS:b',
  'a\nb',
);

for (const name of REFUSED) {
  test(`${JSON.stringify(name.slice(0, 40))} is refused as a name`, () => {
    const isNameError = (error: unknown) =>
      error instanceof CertificateError && error.code === 'NAME_INVALID';
    assert.throws(() => canonicalName(name), isNameError);
    assert.throws(() => machineNames([name]), isNameError);
  });
}

test('addresses become the bytes of RFC 5280', () => {
  assert.equal(addressBytes('10.0.0.255').toString('hex'), '0a0000ff');
  assert.equal(addressBytes('::').toString('hex'), '00'.repeat(16));
  assert.equal(addressBytes('::1').toString('hex'), `${'00'.repeat(15)}01`);
  assert.equal(addressBytes('fe::').toString('hex'), `00fe${'00'.repeat(14)}`);
  assert.equal(addressBytes('2001:db8::1:0:0:1').toString('hex'), '20010db8000000000001000000000001');
  assert.equal(addressBytes('1:2:3:4:5:6:7:8').toString('hex'), '00010002000300040005000600070008');
});

test('the names of the machine: loopback first, what was given, hostname, addresses, each once', () => {
  const names = machineNames(['B.example', 'b.example.', 'LOCALHOST', '::1']);
  assert.deepEqual(names.slice(0, 4), ['localhost', '127.0.0.1', '::1', 'b.example']);
  assert.equal(new Set(names).size, names.length);
  if (/^[a-z][a-z0-9.-]*[a-z0-9]$/i.test(hostname())) assert.ok(names.includes(hostname().toLowerCase()));
  for (const { address, internal, family } of Object.values(networkInterfaces()).flatMap(
    (list) => list ?? [],
  )) {
    const isLinkLocal = address.startsWith('fe80:') || address.startsWith('169.254.');
    if (internal || isLinkLocal) continue;
    assert.ok(names.includes(canonicalName(address)), `${family} ${address}`);
  }
  assert.ok(!names.some((name) => name.includes('%') || name.startsWith('fe80:')));
});
