import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFile } from 'node:fs/promises';
import { connect as connectTcp, createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from 'node:tls';
import { ensureCertificates } from '../../certs/index.ts';
import { callControl } from '../../runtime/control.ts';
import { eventually } from '../supervisor/support.ts';
import { temporaryDirectory } from '../support/files.ts';
import { type Gatehouse, startGatehouse } from '../support/gatehouse.ts';
import { as, request } from '../support/http.ts';
import { noise } from '../support/images.ts';
import { freePort } from '../support/ports.ts';
import { isAlive, run } from '../support/processes.ts';
import { expectStatus, getOk, pushBlob } from '../support/push.ts';
import { holdUpload } from './crash-support.ts';

const env = { GATEHOUSE_GATEWAY_WORKERS: '2', GATEHOUSE_AUTH_BCRYPT_COST: '8' };

/** What is not over by then would stay until the client gives up. */
const hangMs = 30_000;

function atOnce<Result>(count: number, act: (index: number) => Promise<Result>): Promise<Result[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => act(index)));
}

interface Status {
  pid: number;
  addresses: { port: number }[];
  requests: { total: number };
  workers: { pid: number; requests: { total: number } }[];
}

async function statusOf({ data }: Pick<Gatehouse, 'data'>): Promise<Status> {
  return (await callControl(join(data, 'run', 'gateway.sock'), 'GET', '/status')) as Status;
}

/** The workers, when there are two again and none of them is among the given. */
function workersBut(gatehouse: Gatehouse, ...gone: number[]): Promise<number[]> {
  return eventually('two workers answer', async () => {
    const status = await statusOf(gatehouse).catch(() => undefined);
    const pids = status?.workers.map(({ pid }) => pid) ?? [];
    return pids.length === 2 && !pids.some((pid) => gone.includes(pid)) ? pids : undefined;
  });
}

/** The serial number of the certificate that some worker presents. */
async function presented({ port }: Gatehouse): Promise<string> {
  const socket = connect({ port, host: 'localhost', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
}

/** Whether nobody listens there. */
async function isRefused(port: number): Promise<boolean> {
  const socket = connectTcp(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ECONNREFUSED';
  } finally {
    socket.destroy();
  }
}

test('two workers on one port: both serve, the status adds them up, blobs go out by either', async (t) => {
  const gatehouse = await startGatehouse(t, { env });
  const bytes = noise('a blob for both', 300_000);
  const digest = await pushBlob(gatehouse, 'team/app', bytes);
  await eventually('neither goes hungry', async () => {
    for (const { body } of await atOnce(16, () => getOk(gatehouse, `/v2/team/app/blobs/${digest}`))) {
      assert.ok(body.equals(bytes));
    }
    return (await statusOf(gatehouse)).workers.every(({ requests }) => requests.total >= 3);
  });
  const { pid, workers, requests, addresses } = await statusOf(gatehouse);
  assert.equal(pid, gatehouse.pidOf('gateway'));
  assert.deepEqual(
    addresses.map(({ port }) => port),
    [gatehouse.port],
  );
  assert.equal(workers.length, 2);
  assert.ok(workers.every((worker) => worker.pid !== pid));
  assert.equal(requests.total, workers[0]!.requests.total + workers[1]!.requests.total);
  assert.equal(await gatehouse.stop(), 0);
  assert.deepEqual(gatehouse.children(), []);
});

test('kill -9 of a worker: the other serves on, and a new one takes its place', async (t) => {
  const gatehouse = await startGatehouse(t, { env });
  const [first = 0, second = 0] = await workersBut(gatehouse);
  process.kill(first, 'SIGKILL');
  await eventually('it is gone', () => !isAlive(first));
  for (let index = 0; index < 10; index++)
    expectStatus(await request(gatehouse, { path: '/v2/' }), 200, '/v2/');
  const after = await workersBut(gatehouse, first);
  assert.ok(after.includes(second));
  assert.match(gatehouse.stderr(), new RegExp(`"workerPid":${first},"how":"SIGKILL"`));
});

test('a worker that does not get on takes no connection from the other', async (t) => {
  const gatehouse = await startGatehouse(t, { env });
  const [first = 0] = await workersBut(gatehouse);
  process.kill(first, 'SIGSTOP');
  const answers = await atOnce(16, () => request(gatehouse, { path: '/v2/' }));
  process.kill(first, 'SIGKILL');
  assert.deepEqual(
    answers.map(({ status }) => status),
    answers.map(() => 200),
  );
});

test('kill -9 of workers under new connections: each is answered or ends, none hangs', async (t) => {
  const gatehouse = await startGatehouse(t, { env });
  for (let round = 0; round < 3; round++) {
    const [victim = 0] = await workersBut(gatehouse);
    const asked = atOnce(24, async (index) => {
      if (index === 8) process.kill(victim, 'SIGKILL');
      return request(gatehouse, { path: '/v2/' }).then(
        ({ status }) => `${status}`,
        ({ code }) => `${code}`,
      );
    });
    const ends = await Promise.race([asked, delay(hangMs, ['some hang'], { ref: false })]);
    const unexpected = ends.filter((end) => !['200', 'ECONNRESET', 'EPIPE'].includes(end));
    assert.deepEqual(unexpected, []);
    assert.ok(ends.includes('200'));
    await workersBut(gatehouse, victim);
  }
});

test('while no worker lives connections wait for the next one', async (t) => {
  const gatehouse = await startGatehouse(t, { env });
  const pids = await workersBut(gatehouse);
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  await eventually('they are gone', () => !pids.some(isAlive));
  const answers = await atOnce(8, () => request(gatehouse, { path: '/v2/' }));
  for (const answer of answers) expectStatus(answer, 200, '/v2/');
});

test('several addresses and the port for plain HTTP are served by workers too', async (t) => {
  const httpPort = await freePort();
  const places = { GATEHOUSE_LISTEN: '127.0.0.1,::1', GATEHOUSE_HTTP_PORT: `${httpPort}` };
  const gatehouse = await startGatehouse(t, { env: { ...env, ...places }, port: 0 });
  const { addresses } = await statusOf(gatehouse);
  const port = addresses[0]!.port;
  assert.deepEqual(addresses, [
    { address: '127.0.0.1', port },
    { address: '::1', port },
  ]);
  for (const name of ['127.0.0.1', '[::1]']) {
    const target = { ...gatehouse, origin: `https://${name}:${port}` };
    expectStatus(await request(target, { path: '/v2/' }), 200, name);
    const { status, headers } = await request(`http://${name}:${httpPort}`, { path: '/v2/' });
    assert.equal(status, 308);
    assert.equal(headers.location, `https://${name}:${port}/v2/`);
  }
});

test('all workers die at once: the port stays the same, also where it was any free one', async (t) => {
  const gatehouse = await startGatehouse(t, { env, port: 0 });
  const { addresses } = await statusOf(gatehouse);
  const port = addresses[0]!.port;
  assert.ok(port > 0);
  const pids = await workersBut(gatehouse);
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  await workersBut(gatehouse, ...pids);
  const target = { ...gatehouse, origin: `https://localhost:${port}` };
  expectStatus(await request(target, { path: '/v2/' }), 200, '/v2/');
});

test('kill -9 of the primary: its workers finish what is under way and end, the supervisor starts all anew', async (t) => {
  const gatehouse = await startGatehouse(t, { env });
  const before = await workersBut(gatehouse);
  const upload = await holdUpload(gatehouse, 'team/large', noise('held', 8 * 1024 * 1024));
  const primary = gatehouse.pidOf('gateway');
  process.kill(primary, 'SIGKILL');
  await eventually('a new primary answers', async () => {
    const status = await statusOf(gatehouse).catch(() => undefined);
    return status && status.pid !== primary && status.workers.length === 2;
  });
  expectStatus(await upload.finish(), 201, 'the upload under way');
  await eventually('the old workers have ended', () => !before.some(isAlive));
  expectStatus(await request(gatehouse, { path: '/v2/' }), 200, '/v2/');
});

test('SIGTERM during an upload: the worker finishes it, then all of it stops', async (t) => {
  const gatehouse = await startGatehouse(t, { env });
  const upload = await holdUpload(gatehouse, 'team/large', noise('held', 8 * 1024 * 1024));
  const stopped = gatehouse.stop();
  await eventually('nothing new is taken', () => isRefused(gatehouse.port));
  expectStatus(await upload.finish(), 201, 'the upload under way');
  assert.equal(await stopped, 0);
});

test('a new certificate is presented by all workers', async (t) => {
  const directory = await temporaryDirectory(t, 'pairs');
  const [old, renewed] = await Promise.all(
    ['a', 'b'].map((name) => ensureCertificates({ directory: join(directory, name), names: ['localhost'] })),
  );
  const [certificate, key] = [join(directory, 'server.crt'), join(directory, 'server.key')];
  const bring = async (pair: typeof old) => {
    await copyFile(pair!.certificatePath, certificate);
    await copyFile(pair!.keyPath, key);
  };
  await bring(old);
  const files = {
    GATEHOUSE_TLS_MODE: 'files',
    GATEHOUSE_TLS_CERTIFICATE: certificate,
    GATEHOUSE_TLS_KEY: key,
  };
  const gatehouse = await startGatehouse(t, { env: { ...env, ...files }, scheme: 'http' });
  const before = await presented(gatehouse);
  assert.equal(await presented(gatehouse), before);
  await bring(renewed);
  gatehouse.kill('SIGHUP');
  await eventually('four handshakes in a row show the new one', async () => {
    for (let index = 0; index < 4; index++) if ((await presented(gatehouse)) === before) return false;
    return true;
  });
});

test('a port that is taken is told as with one process, and nothing stays behind', async (t) => {
  const port = await freePort();
  const other = createServer().listen(port);
  await once(other, 'listening');
  t.after(() => other.close());
  const data = await temporaryDirectory(t, 'data');
  const finished = await run(
    process.execPath,
    ['bin/gatehouse.js', 'up', '--data', data, '--port', `${port}`],
    {
      env,
    },
  );
  assert.equal(finished.code, 1);
  assert.match(finished.stderr, new RegExp(`port ${port} is in use by another program`));
});

test('rights that change are seen by all workers at the next request', async (t) => {
  const gatehouse = await startGatehouse(t, { env });
  const alice = await gatehouse.addUser('alice', 'a good enough password', [['team/**', 'pull,push']]);
  const digest = await pushBlob(alice, 'team/app', 'bytes');
  const path = `/v2/team/app/blobs/${digest}`;
  await gatehouse.cliOk(['revoke', 'alice', 'team/**']);
  for (let index = 0; index < 4; index++) expectStatus(await request(alice, { path }), 403, path);
  await gatehouse.cliOk(['user', 'disable', 'alice']);
  for (let index = 0; index < 4; index++) expectStatus(await request(alice, { path }), 401, path);
  expectStatus(await request(as(gatehouse), { path: '/v2/' }), 401, '/v2/');
});

test('guesses over two workers meet one lock', async (t) => {
  const limit = { GATEHOUSE_LIMITS_FAILED_LOGINS: '10/1h' };
  const gatehouse = await startGatehouse(t, { env: { ...env, ...limit } });
  const pids = await workersBut(gatehouse);
  const login = (target: Gatehouse) => request(target, { path: '/v2/' });
  /** Whom the one that is stopped does not take, the other does. */
  const others = async (stopped: number, act: () => Promise<void>) => {
    process.kill(stopped, 'SIGSTOP');
    await act().finally(() => process.kill(stopped, 'SIGCONT'));
  };
  for (const pid of pids) {
    await others(pid, async () => {
      for (let guess = 0; guess < 5; guess++)
        expectStatus(await login({ ...gatehouse, password: 'wrong' }), 401, 'a guess');
    });
  }
  for (const pid of pids) await others(pid, async () => expectStatus(await login(gatehouse), 429, 'locked'));
});
