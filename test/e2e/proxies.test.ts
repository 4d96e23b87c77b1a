import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../supervisor/support.ts';
import { temporaryDirectory } from '../support/files.ts';
import { type Gatehouse, startGatehouse } from '../support/gatehouse.ts';
import { request } from '../support/http.ts';
import { logLines } from '../support/log-lines.ts';
import { freePort } from '../support/ports.ts';
import { collectOutput, describeRun, endProcess, start } from '../support/processes.ts';
import { getOk, pushImage } from '../support/push.ts';
import { onEnd, type Scope } from '../support/scope.ts';
import { findTool, missingTool } from '../support/tools.ts';

/** The client that the proxies are reached from: an address of this machine that no proxy has. */
const clientAddress = '127.0.0.9';
const listed = { GATEHOUSE_PROXY_TRUSTED: '127.0.0.1' };

/** A proxy as a process of its own, until it takes connections on the port. */
async function startProxy(scope: Scope, command: string, args: string[], port: number): Promise<void> {
  const child = start(findTool(command)!, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const output = collectOutput(child);
  onEnd(scope, () => endProcess(child));
  for (let tries = 0; tries < 200; tries++) {
    if (child.exitCode !== null) break;
    const socket = connect(port, '127.0.0.1');
    const connected = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (connected) return;
    await delay(50);
  }
  const finished = { code: child.exitCode, stdout: output.stdout(), stderr: output.stderr() };
  throw new Error(describeRun(command, args, finished));
}

/** @returns the port at which it passes TLS connections on, unopened. */
async function startHaproxy(scope: Scope, { port }: Gatehouse, send: string): Promise<number> {
  const own = await freePort();
  const path = join(await temporaryDirectory(scope, 'haproxy'), 'haproxy.cfg');
  await writeFile(
    path,
    `defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
listen registry
    bind 127.0.0.1:${own}
    server one 127.0.0.1:${port} ${send} check inter 500
`,
  );
  await startProxy(scope, 'haproxy', ['-db', '-f', path], own);
  return own;
}

const streamModule = '/usr/lib/nginx/modules/ngx_stream_module.so';

async function startNginxStream(scope: Scope, { port }: Gatehouse): Promise<number> {
  const own = await freePort();
  const directory = await temporaryDirectory(scope, 'nginx-stream');
  const path = join(directory, 'nginx.conf');
  await writeFile(
    path,
    `load_module ${streamModule};
daemon off;
pid ${join(directory, 'nginx.pid')};
error_log ${join(directory, 'error.log')};
events {}
stream {
    server {
        listen 127.0.0.1:${own};
        proxy_pass 127.0.0.1:${port};
        proxy_protocol on;
    }
}
`,
  );
  await startProxy(scope, 'nginx', ['-c', path, '-p', directory], own);
  return own;
}

/** Pushes and pulls by the proxy, and reads in the log from where that was. */
async function expectAddress(gatehouse: Gatehouse, port: number): Promise<void> {
  const behind = {
    ...gatehouse,
    origin: `https://localhost:${port}`,
    headers: { 'x-forwarded-for': '6.6.6.6', forwarded: 'for=6.6.6.6' },
    localAddress: clientAddress,
  };
  const { layers } = await pushImage(behind, 'proxied/x', 'v1', { layers: ['y'.repeat(300_000)] });
  const blob = await getOk(behind, `/v2/proxied/x/blobs/${layers[0]!.digest}`);
  assert.equal(blob.body.length, 300_000);
  const find = () =>
    logLines(gatehouse).filter(({ message, path }) => {
      return message === 'request' && String(path).startsWith('/v2/proxied/');
    });
  // Two for each of two blobs, one for the manifest, and the pull.
  await eventually('all are logged', () => find().length >= 6);
  const requests = find();
  assert.deepEqual([...new Set(requests.map(({ address }) => address))], [clientAddress]);
}

for (const [name, send] of [
  ['version 1', 'send-proxy'],
  ['version 2', 'send-proxy-v2'],
  ['version 2 with TLVs', 'send-proxy-v2 proxy-v2-options unique-id,crc32c'],
] as const) {
  const options = { skip: missingTool('haproxy'), timeout: 120_000 };
  test(
    `HAProxy, PROXY protocol ${name}: TLS passed through, the client’s address known`,
    options,
    async (t) => {
      const gatehouse = await startGatehouse(t, { env: { ...listed, GATEHOUSE_PROXY_PROTOCOL: 'on' } });
      await expectAddress(gatehouse, await startHaproxy(t, gatehouse, send));
      // Without a proxy, and not from a listed address: as if there were none.
      const direct = await request({ ...gatehouse, localAddress: '127.0.0.8' }, { path: '/v2/' });
      assert.equal(direct.status, 200);
    },
  );
}

const noStream =
  missingTool('nginx') || (existsSync(streamModule) ? false : 'not installed: libnginx-mod-stream');

test('nginx, stream with proxy_protocol on, before two workers', {
  skip: noStream,
  timeout: 120_000,
}, async (t) => {
  const env = { ...listed, GATEHOUSE_PROXY_PROTOCOL: 'on', GATEHOUSE_GATEWAY_WORKERS: '2' };
  const gatehouse = await startGatehouse(t, { env });
  await expectAddress(gatehouse, await startNginxStream(t, gatehouse));
});
