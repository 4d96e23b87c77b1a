import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../supervisor/support.ts';
import { temporaryDirectory } from '../support/files.ts';
import { type Gatehouse, startGatehouse } from '../support/gatehouse.ts';
import { request } from '../support/http.ts';
import { freePort } from '../support/ports.ts';
import { isAlive, start } from '../support/processes.ts';
import type { Scope } from '../support/scope.ts';
import { missingTool } from '../support/tools.ts';
import { BIN, gatehouse, plainEnvironment } from './support.ts';

const needsTerminal = { skip: missingTool('script') };
const env = { GATEHOUSE_AUTH_BCRYPT_COST: '8' };

test('the first start makes everything, says what to type, and the second changes nothing', async (t) => {
  const data = join(await temporaryDirectory(t), 'data');
  const first = await startGatehouse(t, { data, env: { ...env, GATEHOUSE_ADMIN_PASSWORD: '' } });
  const file = join(data, 'initial-admin-password');
  assert.ok(first.stdout().includes(`the password is in ${file}`), first.stdout());
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const password = readFileSync(file, 'utf8').trim();
  assert.match(password, /^[a-zA-Z0-9]{24}$/);
  for (const part of [
    first.caPath,
    `docker login ${first.host} -u admin`,
    `docker push ${first.host}/admin/`,
  ]) {
    assert.ok(first.stdout().includes(part), `${part} in ${first.stdout()}`);
  }
  assert.match(first.stdout(), /\nready\n$/);
  assert.ok(!first.stderr().includes(password) && !first.stdout().includes(password));
  assert.deepEqual(openEntries(data), []);
  assert.equal((await request({ ...first, password }, { path: '/v2/' })).status, 200);
  assert.equal(await first.stop(), 0);

  const before = fingerprints(data);
  const second = await startGatehouse(t, { data, env });
  assert.doesNotMatch(second.stdout(), /password|issued/);
  assert.equal((await request({ ...second, password }, { path: '/v2/' })).status, 200);
  assert.equal(await second.stop(), 0);
  assert.deepEqual(fingerprints(data), before);
});

test('the given first password works, is printed nowhere and inherited by nobody', async (t) => {
  const it = await startGatehouse(t, { env });
  assert.equal((await request(it, { path: '/v2/' })).status, 200);
  assert.ok(!existsSync(join(it.data, 'initial-admin-password')));
  assert.ok(!`${it.stdout()}${it.stderr()}`.includes(it.adminPassword));
  for (const { pid } of it.children()) {
    assert.ok(!readFileSync(`/proc/${pid}/environ`, 'utf8').includes('ADMIN_PASSWORD'));
  }
});

test('the first password may come from a file; one that is missing is a clear error', async (t) => {
  const directory = await temporaryDirectory(t);
  const file = join(directory, 'password');
  writeFileSync(file, 'from a file it comes\n');
  const given = { ...env, GATEHOUSE_ADMIN_PASSWORD: '', GATEHOUSE_ADMIN_PASSWORD_FILE: file };
  const it = await startGatehouse(t, { env: given });
  assert.equal((await request({ ...it, password: 'from a file it comes' }, { path: '/v2/' })).status, 200);

  const missing = { GATEHOUSE_ADMIN_PASSWORD_FILE: join(directory, 'nothing') };
  const refused = await gatehouse(['up', '--data', join(directory, 'data')], { env: missing });
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /^gatehouse: GATEHOUSE_ADMIN_PASSWORD_FILE cannot be read: .*nothing/m);
});

test('a second start on the data directory is refused; the first runs on', async (t) => {
  const it = await startGatehouse(t, { env });
  const { code, stdout, stderr } = await gatehouse(['up', '--data', it.data, '--port', '0']);
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(
    stderr,
    new RegExp(`^gatehouse: another Gatehouse \\(process ${it.pid}\\) runs on .*${it.data}`),
  );
  assert.equal((await request(it, { path: '/v2/' })).status, 200);
});

test('with --port 0 the address has the port that was taken', async (t) => {
  const { stdout } = await startOnAnyPort(t);
  const port = /https:\/\/localhost:(\d+)/.exec(stdout)?.[1];
  assert.ok(Number(port) > 1023, stdout);
});

test('status and gc answer while it runs, and say so when it does not', async (t) => {
  const it = await startGatehouse(t, { env });
  const { running, supervisor, gateway, gc } = JSON.parse(await it.cliOk(['status', '--json']));
  assert.equal(running, true);
  assert.deepEqual([supervisor.pid, gateway.pid, gc.pid], [it.pid, it.pidOf('gateway'), it.pidOf('gc')]);
  const screen = await it.cliOk(['status']);
  assert.match(screen, /^gateway +ready +\d+ .* MiB +\d+ ms$/m);
  assert.match(screen, /^ready +yes$/m);
  assert.match(screen, /^certificate +until .* days left\)$/m);
  assert.match(screen, /^limits +.*failed_logins /m);
  assert.match(screen, /^version +\d+\.\d+\.\d+ on Node /m);
  await checkCollections(it);
  await it.stop();
  const after = await it.cli(['status']);
  assert.deepEqual([after.code, after.stdout], [1, `Gatehouse does not run on ${it.data}.\n`]);
  assert.equal(JSON.parse((await it.cli(['status', '--json'])).stdout).running, false);
  await checkCollections(it);
});

test('each process that is killed is back soon, and the registry answers', async (t) => {
  const it = await startGatehouse(t, { env });
  for (const name of ['core', 'gateway', 'gc'] as const) {
    const pid = it.pidOf(name);
    process.kill(pid, 'SIGKILL');
    await eventually(`${name} is back`, async () => {
      const { running, supervisor } = JSON.parse((await it.cli(['status', '--json'])).stdout);
      return running && supervisor.processes.every((entry: { pid: number }) => entry.pid !== pid);
    });
    assert.equal((await request(it, { path: '/v2/_catalog' })).status, 200);
  }
});

test('kill -9 of the supervisor ends all of it, and a new start works at once', async (t) => {
  const it = await startGatehouse(t, { env });
  const pids = it.children().map(({ pid }) => pid);
  assert.equal(pids.length, 3);
  it.kill('SIGKILL');
  const next = await startGatehouse(t, { env, data: it.data, port: it.port });
  await eventually('the orphans are gone', () => !pids.some(isAlive));
  assert.equal((await request(next, { path: '/v2/' })).status, 200);
});

test('a port that is taken: exit code 1, a clear message, nothing left running', async (t) => {
  const server = createServer().listen(await freePort());
  t.after(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const data = await temporaryDirectory(t);
  const { code, stdout, stderr } = await gatehouse(['up', '--data', data, '--port', String(port)]);
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`^gatehouse: gateway cannot start: .*${port}`, 'm'));
  assert.doesNotMatch(stdout, /ready/);
  assert.equal((await gatehouse(['status', '--data', data])).code, 1);
});

test('a data directory that cannot be: exit code 1 and the reason', async (t) => {
  const file = join(await temporaryDirectory(t), 'file');
  writeFileSync(file, '');
  for (const data of [file, join(file, 'below'), '/proc/nowhere']) {
    const { code, stdout, stderr } = await gatehouse(['up', '--data', data]);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, new RegExp(`^gatehouse: the data directory ${data} cannot be used: [^\\n]+\\n$`));
  }
});

test('a data directory with a path of 150 bytes works', async (t) => {
  const base = await temporaryDirectory(t);
  const it = await startGatehouse(t, { env, data: join(base, 'd'.repeat(149 - base.length)) });
  assert.equal(Buffer.byteLength(it.data), 150);
  assert.equal((await request(it, { path: '/v2/_catalog' })).status, 200);
  assert.equal(JSON.parse(await it.cliOk(['status', '--json'])).running, true);
  assert.equal(JSON.parse(await it.cliOk(['gc', '--json'])).errors.length, 0);
});

test('on a terminal the first password is shown, once, and written nowhere', needsTerminal, async (t) => {
  const data = await temporaryDirectory(t);
  const first = await upOnTerminal(data);
  assert.match(first, /The first user is admin, with the password [a-zA-Z0-9]{24} /);
  assert.ok(!existsSync(join(data, 'initial-admin-password')));
  assert.doesNotMatch(await upOnTerminal(data), /password/);
});

/** Starts it on a pseudo-terminal, and stops it when it is ready. @returns what the terminal showed. */
async function upOnTerminal(data: string): Promise<string> {
  const line = `exec ${process.execPath} ${BIN} up --data ${data} --port 0 2>/dev/null`;
  const child = start('script', ['-qefc', line, '/dev/null'], {
    env: { ...process.env, ...plainEnvironment() },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let output = '';
  let pressing: NodeJS.Timeout | undefined;
  child.stdin!.on('error', () => {});
  child.stdout!.setEncoding('utf8').on('data', (chunk) => {
    output += chunk;
    // Ctrl-C, more than once, as people do it, up to the last moment: the whole foreground group gets each.
    if (isReady(output)) pressing ??= setInterval(press, 1);
  });
  const press = () => {
    // `script` passes on what it is given for as long as it is given something.
    if (isAlive(pid())) child.stdin!.write('\u0003');
    else clearInterval(pressing);
  };
  const pid = () => Number(readFileSync(join(data, 'run', 'supervisor.pid'), 'utf8'));
  const [code] = await once(child, 'close');
  clearInterval(pressing);
  assert.equal(code, 0, output);
  return output;
}

function isReady(output: string): boolean {
  return /^ready\r?$/m.test(output);
}

async function checkCollections(it: Gatehouse): Promise<void> {
  for (const dryRun of [true, false]) {
    const report = JSON.parse(await it.cliOk(['gc', '--json', ...(dryRun ? ['--dry-run'] : [])]));
    assert.deepEqual([report.dry_run, report.errors, report.bytes_freed], [dryRun, [], 0]);
  }
  assert.match(await it.cliOk(['gc']), /^Freed 0 bytes/);
}

async function startOnAnyPort(scope: Scope) {
  const it = await startGatehouse(scope, { env, port: 0 });
  return { stdout: it.stdout() };
}

/** What others than the owner may touch. */
function openEntries(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => {
    const { mode } = statSync(join(directory, name));
    // The certificates are public; the directory around them is not.
    return (mode & 0o077) !== 0 && !name.endsWith('.crt');
  });
}

function fingerprints(data: string): Record<string, string> {
  const names = ['certs/ca.crt', 'certs/ca.key', 'certs/server.crt', 'certs/server.key', 'users.db'];
  return Object.fromEntries(
    names.map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(data, name)))
        .digest('hex'),
    ]),
  );
}
