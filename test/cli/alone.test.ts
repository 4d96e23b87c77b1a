import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../supervisor/support.ts';
import { request } from '../support/http.ts';
import { freePort } from '../support/ports.ts';
import { endProcess, start } from '../support/processes.ts';
import { onEnd, type Scope } from '../support/scope.ts';
import { BIN, onData, plainEnvironment } from './support.ts';

test('the three processes run alone, each in the process that was started', async (t) => {
  const { data, cli } = await onData(t);
  const port = await freePort();
  await cli(['user', 'add', 'alice', '--password-stdin'], { input: 'correct horse battery\n' });
  const core = alone(t, ['core', '--data', data]);
  await eventually('the core answers', () => existsSync(join(data, 'run', 'core.sock')));
  const gateway = alone(t, ['gateway', '--data', data, '--port', String(port)]);
  const gc = alone(t, ['gc', '--scheduled', '--data', data]);
  const status = await eventually('gateway and collector answer', async () => {
    const found = JSON.parse((await cli(['status', '--json'])).stdout);
    return found.gateway && found.gc ? found : undefined;
  });
  assert.deepEqual(
    [status.running, status.supervisor, status.gateway.pid, status.gc.pid],
    [true, null, gateway.pid, gc.pid],
  );
  assert.match((await cli(['status'])).stdout, /^Gatehouse runs on /);
  const ca = readFileSync(join(data, 'certs', 'ca.crt'), 'utf8');
  const target = {
    origin: `https://localhost:${port}`,
    ca,
    user: 'alice',
    password: 'correct horse battery',
  };
  assert.equal((await request(target, { path: '/v2/_catalog' })).status, 200);
  assert.equal(await endProcess(gc, { signal: 'SIGINT' }), 0);
  assert.equal(await endProcess(gateway), 0);
  assert.equal(await endProcess(core), 0);
});

test('a fault of the configuration ends one that runs alone with code 2', async (t) => {
  const { cli } = await onData(t);
  const { code, stderr } = await cli(['core'], { env: { GATEHOUSE_GC_LEASE: 'soon' } });
  assert.equal(code, 2);
  assert.match(stderr, /GATEHOUSE_GC_LEASE/);
});

function alone(scope: Scope, args: string[]): ChildProcess {
  const child = start(process.execPath, [BIN, ...args], {
    env: { ...process.env, ...plainEnvironment() },
    stdio: 'ignore',
  });
  onEnd(scope, () => endProcess(child));
  return child;
}
