import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { eventually } from '../supervisor/support.ts';
import { type Gatehouse, startGatehouse } from '../support/gatehouse.ts';
import { request } from '../support/http.ts';
import { noise } from '../support/images.ts';
import { digestOf, getOk, pushBlob } from '../support/push.ts';
import { basic, unlimited } from './hostile-support.ts';
import { descriptorsOf, linuxOnly } from './misbehaving-support.ts';

const repository = 'aborts/x';
const atOnce = 16;

async function openSocket({ port, ca, origin }: Gatehouse): Promise<Socket> {
  const isSecure = origin.startsWith('https');
  const socket = isSecure
    ? connectTls({ host: 'localhost', port, ca: ca!, servername: 'localhost' })
    : connect(port, 'localhost');
  socket.on('error', () => {});
  await firstOf(socket, isSecure ? 'secureConnect' : 'connect');
  return socket;
}

/** The event, or the end of the connection. */
function firstOf(socket: Socket, event: string): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off(event, done).off('close', done);
      resolve();
    };
    socket.on(event, done).on('close', done);
  });
}

/** Ways to go away in the middle of something; each with what is sent, and what is waited for before. */
function ways(gatehouse: Gatehouse, digest: string, sessions: string[]) {
  const head = `Host: ${gatehouse.host}\r\n${basic(gatehouse)}`;
  const body = Buffer.alloc(20_000, 'x');
  const announced = 'Content-Length: 1000000\r\n\r\n';
  const other = digestOf('never sent whole');
  const withBody = (line: string) =>
    Buffer.concat([Buffer.from(`${line} HTTP/1.1\r\n${head}${announced}`), body]);
  const download = Buffer.from(`GET /v2/${repository}/blobs/${digest} HTTP/1.1\r\n${head}\r\n`);
  return [
    { bytes: download, untilData: true },
    { bytes: download, untilData: false },
    { bytes: (at: number) => withBody(`PATCH ${sessions[at % sessions.length]}`), untilData: false },
    { bytes: withBody(`POST /v2/${repository}/blobs/uploads/?digest=${other}`), untilData: false },
    { bytes: withBody(`PUT /v2/${repository}/manifests/never`), untilData: false },
    { bytes: Buffer.from(`GET /v2/${repository}/tags/list HTTP/1.1\r\n${head}`), untilData: false },
  ];
}

async function abortMany(gatehouse: Gatehouse, count: number, all: ReturnType<typeof ways>): Promise<void> {
  let next = 0;
  const client = async () => {
    for (let at = next++; at < count; at = next++) {
      const { bytes, untilData } = all[at % all.length]!;
      const socket = await openSocket(gatehouse);
      socket.write(typeof bytes === 'function' ? bytes(at) : bytes);
      if (untilData) await firstOf(socket, 'data');
      // At another moment of what is going on there each time.
      else await delay(at % 8);
      // What is left unread makes it a reset, too.
      socket.destroy();
    }
  };
  await Promise.all(Array.from({ length: atOnce }, client));
}

async function openSessions(gatehouse: Gatehouse): Promise<number> {
  return JSON.parse((await gatehouse.cli(['status', '--json'])).stdout).core.uploads_open;
}

for (const [name, count, options] of [
  ['plain HTTP', 8000, { env: { ...unlimited, GATEHOUSE_TLS_MODE: 'off' }, scheme: 'http' }],
  ['TLS', 2000, { env: unlimited }],
] as const) {
  test(`${count} requests that break off over ${name} leave nothing behind`, {
    skip: linuxOnly,
    timeout: 500_000,
  }, async (t) => {
    const gatehouse = await startGatehouse(t, options);
    const digest = await pushBlob(gatehouse, repository, noise('aborts', 3_000_000));
    const sessions: string[] = [];
    for (let at = 0; at < 50; at++) {
      const opened = await request(gatehouse, { method: 'POST', path: `/v2/${repository}/blobs/uploads/` });
      sessions.push(opened.headers.location!);
    }
    const all = ways(gatehouse, digest, sessions);
    await abortMany(gatehouse, 200, all);
    const idle = async () => {
      const { process: _, ...status } = JSON.parse(
        (await gatehouse.cli(['status', '--json'])).stdout,
      ).gateway;
      return status.requests.active === 0 && descriptorsOf(gatehouse).files === 0;
    };
    await eventually('the first ones are over', idle);
    const before = descriptorsOf(gatehouse);
    const started = performance.now();
    await abortMany(gatehouse, count, all);
    t.diagnostic(`${count} in ${Math.round((performance.now() - started) / 1000)} s`);
    await eventually('all are over', idle);
    const after = descriptorsOf(gatehouse);
    t.diagnostic(`before ${JSON.stringify(before)}, after ${JSON.stringify(after)}`);
    assert.ok(after.sockets <= before.sockets + 2 * atOnce, `${before.sockets} → ${after.sockets} sockets`);
    // Sessions that clients know of; what nobody can go on with is gone.
    await eventually(
      'only known sessions are left',
      async () => (await openSessions(gatehouse)) === sessions.length,
    );
    assert.equal(readdirSync(join(gatehouse.data, 'uploads')).length, sessions.length);
    for (const path of sessions) {
      assert.equal((await request(gatehouse, { method: 'DELETE', path })).status, 204);
    }
    assert.equal(await openSessions(gatehouse), 0);
    assert.deepEqual(readdirSync(join(gatehouse.data, 'uploads')), []);
    assert.equal((await getOk(gatehouse, `/v2/${repository}/blobs/${digest}`)).body.length, 3_000_000);
  });
}
