import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { eventually } from '../supervisor/support.ts';
import { type Gatehouse, startGatehouse } from '../support/gatehouse.ts';
import { request } from '../support/http.ts';
import { logLines } from '../support/log-lines.ts';
import { digestOf, pushImage, withParameter } from '../support/push.ts';
import type { Scope } from '../support/scope.ts';
import { basic, connectTo, readAll, unlimited } from './hostile-support.ts';

const repository = 'restarts/x';
const options = { timeout: 180_000 };

/** An upload of which half is sent. */
async function halfUpload(scope: Scope, gatehouse: Gatehouse, half: Buffer) {
  const opened = await request(gatehouse, { method: 'POST', path: `/v2/${repository}/blobs/uploads/` });
  const body = Buffer.concat([half, half]);
  const path = withParameter(opened.headers.location!, 'digest', digestOf(body));
  const socket = await connectTo(scope, gatehouse);
  socket.write(
    `PUT ${path} HTTP/1.1\r\nHost: ${gatehouse.host}\r\n${basic(gatehouse)}Content-Length: ${body.length}\r\n\r\n`,
  );
  socket.write(half);
  return { socket, path, body };
}

test(
  'the core is killed under load: every request is answered, by what it asked for or 503 with Retry-After',
  options,
  async (t) => {
    const gatehouse = await startGatehouse(t, { env: unlimited });
    await pushImage(gatehouse, repository, 'v1');
    const limitMs = 20_000;
    let isOver = false;
    const seen = new Map<number, number>();
    const client = async (at: number) => {
      for (let n = 0; !isOver; n++) {
        const isPush = (at + n) % 3 === 0;
        const asked = isPush
          ? request(gatehouse, {
              method: 'POST',
              path: `/v2/${repository}/blobs/uploads/?digest=${digestOf('x')}`,
              body: 'x',
            })
          : request(gatehouse, { path: `/v2/${repository}/manifests/v1` });
        const answer = await Promise.race([asked, delay(limitMs, undefined, { ref: false })]);
        assert.ok(answer, `no answer in ${limitMs} ms`);
        seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1);
        if (answer.status === 503) {
          assert.match(String(answer.headers['retry-after']), /^[0-9]+$/);
          assert.ok(answer.json.errors[0].code);
          await delay(20);
        } else {
          assert.equal(answer.status, isPush ? 201 : 200);
        }
      }
    };
    const clients = Array.from({ length: 12 }, (_, at) => client(at));
    for (let kills = 0; kills < 3; kills++) {
      const pid = gatehouse.pidOf('core');
      process.kill(pid, 'SIGKILL');
      await eventually('another core is ready', async () => {
        const { stdout } = await gatehouse.cli(['status', '--json']);
        const { running, core } = JSON.parse(stdout);
        return running && core && core.process.pid !== pid;
      });
    }
    isOver = true;
    await Promise.all(clients);
    t.diagnostic(JSON.stringify(Object.fromEntries(seen)));
    assert.ok((seen.get(200) ?? 0) > 0 && (seen.get(201) ?? 0) > 0);
  },
);

test('SIGTERM with an upload under way: it is finished, then all ends', options, async (t) => {
  const gatehouse = await startGatehouse(t, { env: unlimited });
  const half = Buffer.alloc(1_000_000, 'h');
  const { socket } = await halfUpload(t, gatehouse, half);
  await eventually('it is under way', async () => (await activeRequests(gatehouse)) === 1);
  const ended = once(gatehouse.process, 'exit');
  gatehouse.kill('SIGTERM');
  await eventually('the gateway drains', () =>
    logLines(gatehouse).some(({ component, message }) => component === 'gateway' && message === 'draining'),
  );
  const answer = readAll(socket);
  socket.write(half);
  const { status, headers } = await answer;
  assert.equal(status, 201);
  assert.match(headers, /^connection: close$/im);
  assert.deepEqual(await ended, [0, null]);
});

test('SIGHUP drops no connection and no upload', options, async (t) => {
  const gatehouse = await startGatehouse(t, { env: unlimited });
  const half = Buffer.alloc(1_000_000, 'h');
  const { socket } = await halfUpload(t, gatehouse, half);
  const idle = await connectTo(t, gatehouse);
  const ask = async (connection: TLSSocket) => {
    connection.write(`GET /v2/ HTTP/1.1\r\nHost: ${gatehouse.host}\r\n${basic(gatehouse)}\r\n`);
    return String((await once(connection, 'data'))[0]);
  };
  assert.match(await ask(idle), /^HTTP\/1.1 200 /);
  await gatehouse.cliOk(['cert', 'renew']);
  for (let at = 0; at < 5; at++) {
    gatehouse.kill('SIGHUP');
    await delay(50);
  }
  await eventually('the new certificate is served', () =>
    logLines(gatehouse).some(({ message }) => message === 'serving a new certificate'),
  );
  assert.match(await ask(idle), /^HTTP\/1.1 200 /);
  socket.write(half);
  assert.match(String((await once(socket, 'data'))[0]), /^HTTP\/1.1 201 /);
  assert.equal((await request(gatehouse, { path: '/v2/' })).status, 200);
});

async function activeRequests(gatehouse: Gatehouse): Promise<number> {
  const { stdout } = await gatehouse.cli(['status', '--json']);
  return JSON.parse(stdout).gateway.requests.active;
}
