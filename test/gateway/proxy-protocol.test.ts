import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { readProxyHeader } from '../../gateway/proxied/proxy-header.ts';
import { loadConfig } from '../../runtime/config.ts';
import { block4, block6, commands, families, version1, version2 } from './proxy-headers.ts';
import { readToEnd, startGateway, type TestGateway, until } from './support.ts';

const { local, proxy } = commands;
const tlv = Buffer.from([0x04, 0x00, 0x03, 1, 2, 3]);

/** [what, bytes, source or 'malformed'] */
const table: [string, Buffer, string | undefined][] = [
  ['version 1, IPv4', version1('192.0.2.1'), '192.0.2.1'],
  ['version 1, IPv6', version1('2001:db8::1', 'TCP6'), '2001:db8::1'],
  ['version 1, IPv4 in IPv6', version1('::ffff:192.0.2.1', 'TCP6'), '192.0.2.1'],
  ['version 1, unknown', Buffer.from('PROXY UNKNOWN\r\n'), undefined],
  ['version 1, unknown with more', Buffer.from('PROXY UNKNOWN ff::1 ff::2 1 2\r\n'), undefined],
  ['version 2, IPv4', version2(proxy, families.tcp4, block4('192.0.2.1')), '192.0.2.1'],
  [
    'version 2, IPv6',
    version2(proxy, families.tcp6, block6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1])),
    '2001:db8::1',
  ],
  [
    'version 2, IPv4 in IPv6',
    version2(proxy, families.tcp6, block6([0, 0, 0, 0, 0, 0xffff, 0xc000, 0x0201])),
    '192.0.2.1',
  ],
  ['version 2, TLVs', version2(proxy, families.tcp4, block4('192.0.2.1'), tlv), '192.0.2.1'],
  ['version 2, LOCAL', version2(local, families.none, []), undefined],
  ['version 2, LOCAL with an address', version2(local, families.tcp4, block4('192.0.2.1')), undefined],
  ['version 2, unspecified', version2(proxy, families.none, []), undefined],
  ['a word too many', Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n'), 'malformed'],
  ['the other family', version1('2001:db8::1', 'TCP4'), 'malformed'],
  ['no port', Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n'), 'malformed'],
  ['a port with zeros', Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n'), 'malformed'],
  ['two spaces', Buffer.from('PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n'), 'malformed'],
  ['a name', version1('localhost'), 'malformed'],
  ['an address with a zone', version1('fe80::1%eth0', 'TCP6'), 'malformed'],
  ['a line without end', Buffer.from(`PROXY TCP4 ${'1'.repeat(200)}`), 'malformed'],
  ['another version', version2(0x31, families.tcp4, block4('192.0.2.1')), 'malformed'],
  ['another command', version2(0x22, families.tcp4, block4('192.0.2.1')), 'malformed'],
  ['UDP', version2(proxy, families.udp4, block4('192.0.2.1')), 'malformed'],
  ['a socket file', version2(proxy, families.unix, Buffer.alloc(216)), 'malformed'],
  ['too short an address', version2(proxy, families.tcp4, [192, 0, 2, 1]), 'malformed'],
  ['too long', version2(proxy, families.tcp4, block4('192.0.2.1'), Buffer.alloc(5000)), 'malformed'],
  ['a request', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'malformed'],
  ['a TLS handshake', Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00]), 'malformed'],
];

for (const [name, bytes, expected] of table) {
  test(`header: ${name}`, () => {
    const found = readProxyHeader(Buffer.concat([bytes, Buffer.from('rest')]));
    if (expected === 'malformed') assert.equal(found.state, 'malformed');
    else assert.deepEqual(found, { state: 'complete', length: bytes.length, source: expected });
  });
}

const settings = { 'proxy.protocol': 'on', 'proxy.trusted': '127.0.0.1' };

function head(gateway: TestGateway, more = 'Connection: close\r\n'): string {
  return `GET /v2/ HTTP/1.1\r\nHost: ${gateway.host}\r\n${more}\r\n`;
}

async function open(gateway: TestGateway): Promise<Socket> {
  const socket = connect(gateway.port, '127.0.0.1').on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

async function lastAddress({ log }: TestGateway): Promise<unknown> {
  const find = () => log.findLast(({ message }) => message === 'request')?.fields['address'];
  await until(() => find() !== undefined, 'the request is logged');
  return find();
}

test('plain HTTP: header and request in one packet, and byte by byte', async (t) => {
  for (const byByte of [false, true]) {
    const gateway = await startGateway(t, settings);
    const socket = await open(gateway);
    socket.setNoDelay(true);
    const answer = readToEnd(socket);
    const bytes = Buffer.concat([version1('192.0.2.1'), Buffer.from(head(gateway))]);
    if (!byByte) socket.write(bytes);
    else for (const byte of bytes) await new Promise((sent) => socket.write(Buffer.from([byte]), sent));
    assert.match(await answer, /^HTTP\/1.1 401 /);
    assert.equal(await lastAddress(gateway), '192.0.2.1');
  }
});

test('TLS: the header stands before the handshake, alone or with it', async (t) => {
  for (const alone of [true, false]) {
    const gateway = await startGateway(t, { ...settings, 'tls.mode': 'own' });
    const socket = await open(gateway);
    const bytes = version2(proxy, families.tcp6, block6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 9]), tlv);
    // Corked, the first packet of the handshake goes with it.
    if (!alone) socket.cork();
    socket.write(bytes);
    // The authority is this gateway's own; who it is does not matter here.
    const secure = connectTls({ socket, servername: 'localhost', rejectUnauthorized: false });
    if (!alone) setImmediate(() => socket.uncork());
    await once(secure, 'secureConnect');
    secure.write(head(gateway));
    let received = '';
    for await (const part of secure) received += part;
    assert.match(received, /^HTTP\/1.1 401 /);
    assert.equal(await lastAddress(gateway), '2001:db8::9');
  }
});

test('a connection that is kept has its address for all its requests; LOCAL has that of the proxy', async (t) => {
  const gateway = await startGateway(t, settings);
  const socket = await open(gateway);
  socket.write(version2(proxy, families.tcp4, block4('192.0.2.5')));
  for (let at = 1; at <= 3; at++) {
    socket.write(head(gateway, ''));
    await until(
      () => gateway.log.filter(({ message }) => message === 'request').length === at,
      'it is logged',
    );
  }
  socket.destroy();
  const addresses = gateway.log
    .filter(({ message }) => message === 'request')
    .map(({ fields }) => fields['address']);
  assert.deepEqual(addresses, ['192.0.2.5', '192.0.2.5', '192.0.2.5']);
  const check = await open(gateway);
  check.write(Buffer.concat([version2(local, families.none, []), Buffer.from(head(gateway))]));
  await readToEnd(check);
  await until(() => gateway.log.filter(({ message }) => message === 'request').length === 4, 'it is logged');
  assert.equal(await lastAddress(gateway), '127.0.0.1');
});

test('a listed proxy that sends no header is refused; what is no whole header is not waited for', async (t) => {
  const gateway = await startGateway(t, settings);
  for (const bytes of [Buffer.from(head(gateway)), Buffer.from('PROXY TCP5 x\r\n'), Buffer.alloc(20)]) {
    const socket = await open(gateway);
    socket.write(bytes);
    assert.equal(await readToEnd(socket), '');
  }
  const closed = await open(gateway);
  closed.end('PROXY TCP4');
  assert.equal(await readToEnd(closed), '');
  const refused = gateway.log.filter(({ message }) => message === 'connection of a proxy refused');
  assert.equal(refused.length, 3);
});

test('a proxy that says nothing is not waited for', { timeout: 60_000 }, async (t) => {
  const gateway = await startGateway(t, settings);
  const silent = await open(gateway);
  assert.equal(await readToEnd(silent), '');
  assert.ok(gateway.log.some(({ fields }) => fields['reason'] === 'no PROXY header in time'));
});

test('of anybody else a header is no header: nobody can claim an address', async (t) => {
  const gateway = await startGateway(t, { ...settings, 'proxy.trusted': '192.0.2.77' });
  const spoof = await open(gateway);
  spoof.write(Buffer.concat([version1('192.0.2.1'), Buffer.from(head(gateway))]));
  assert.match(await readToEnd(spoof), /^HTTP\/1.1 40[05] /);
  const honest = await open(gateway);
  honest.write(head(gateway));
  assert.match(await readToEnd(honest), /^HTTP\/1.1 401 /);
  assert.equal(await lastAddress(gateway), '127.0.0.1');
});

test('the header names the peer; a header of HTTP counts when that is a listed proxy, too', async (t) => {
  const gateway = await startGateway(t, { ...settings, 'proxy.trusted': '127.0.0.1,10.0.0.0/8' });
  const ask = async (source: string) => {
    const socket = await open(gateway);
    const more = 'X-Forwarded-For: 192.0.2.66\r\nConnection: close\r\n';
    socket.write(Buffer.concat([version1(source), Buffer.from(head(gateway, more))]));
    await readToEnd(socket);
    const count = gateway.log.filter(({ message }) => message === 'request').length;
    return { count, address: await lastAddress(gateway) };
  };
  assert.deepEqual(await ask('192.0.2.1'), { count: 1, address: '192.0.2.1' });
  assert.deepEqual(await ask('10.0.0.5'), { count: 2, address: '192.0.2.66' });
});

test('the limit of connections is for whom the header names; those of the proxy itself have none', async (t) => {
  const gateway = await startGateway(t, { ...settings, 'limits.address_connections': '2' });
  const asked = async (header: Buffer) => {
    const socket = await open(gateway);
    socket.write(Buffer.concat([header, Buffer.from(head(gateway, ''))]));
    // One that is refused may break off.
    await Promise.race([once(socket, 'data'), once(socket, 'close')]).catch(() => undefined);
    return socket;
  };
  const isRefused = (socket: Socket) => until(() => socket.closed, 'it is closed');
  const first = await asked(version1('192.0.2.1'));
  const kept = [first, await asked(version1('192.0.2.1'))];
  await isRefused(await asked(version1('192.0.2.1')));
  const other = version2(proxy, families.tcp4, block4('192.0.2.2'));
  kept.push(await asked(other), await asked(other));
  for (let at = 0; at < 5; at++) kept.push(await asked(version2(local, families.none, [])));
  await isRefused(await asked(other));
  // By now, one that is too many would be closed, too.
  assert.deepEqual(
    kept.map(({ closed }) => closed),
    kept.map(() => false),
  );
  first.destroy();
  await until(async () => {
    const again = await asked(version1('192.0.2.1'));
    kept.push(again);
    return again.bytesRead > 0 && !again.closed;
  }, 'there is room again');
  for (const socket of kept) socket.destroy();
});

test('draining ends connections whose header has not come', async (t) => {
  const gateway = await startGateway(t, { ...settings, 'shutdown.drain': '10m' });
  const waiting = await open(gateway);
  waiting.write('PROXY TCP4 ');
  const closed = new Promise((resolve) => waiting.once('close', resolve));
  await Promise.all([closed, gateway.gateway.drain()]);
});

test('the protocol needs listed proxies', () => {
  assert.throws(
    () => loadConfig({ environment: {}, flags: { 'proxy.protocol': 'on' } }),
    /proxy\.trusted.*the proxies that send the header/,
  );
});
