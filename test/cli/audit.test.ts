import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { openDatabase } from '../../runtime/sqlite.ts';
import { until as untilTrue } from '../gateway/support.ts';
import { startGatehouse } from '../support/gatehouse.ts';
import { as, request } from '../support/http.ts';
import { endProcess, start } from '../support/processes.ts';
import { pushImage } from '../support/push.ts';
import { onEnd, type Scope } from '../support/scope.ts';
import { BIN, onData } from './support.ts';

const password = 'a good enough password';

function linesOf({ stdout }: { stdout: string }) {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

/** A server on which alice was added, pushed, and was refused. */
async function started(scope: Scope) {
  const gatehouse = await startGatehouse(scope);
  const alice = await gatehouse.addUser('alice', password);
  await pushImage(alice, 'alice/app', 'v1');
  assert.equal((await request(as(alice, 'alice', 'wrong'), { path: '/v2/' })).status, 401);
  return { gatehouse, alice };
}

async function until<Result>(
  read: () => Promise<Result>,
  enough: (result: Result) => boolean,
): Promise<Result> {
  for (let tries = 0; ; tries++) {
    const result = await read();
    if (enough(result) || tries === 20) return result;
  }
}

test('changes without a server: seen at once, taken up by the next server, and not lost', async (t) => {
  const { data, cli } = await onData(t);
  const env = { LOGNAME: 'carla', SUDO_USER: '' };
  await cli(['user', 'add', 'alice', '--password-stdin'], { input: `${password}\n`, env });
  await cli(['grant', 'alice', 'team/**', 'pull'], { env });
  const before = linesOf(await cli(['audit', '--json']));
  assert.deepEqual(
    before.map(({ actor, actorKind, action, subject }) => [actor, actorKind, action, subject]),
    [
      ['carla', 'operator', 'user.add', 'alice'],
      ['carla', 'operator', 'grant.add', 'alice'],
    ],
  );
  assert.ok(!existsSync(join(data, 'audit.db')), 'only a gateway writes it');
  const gatehouse = await startGatehouse(t, { data });
  assert.deepEqual(readdirSync(join(data, 'audit-spool')), []);
  assert.deepEqual(linesOf(await gatehouse.cli(['audit', '--json', '--user', 'alice'])), before);
  await gatehouse.stop();
  assert.deepEqual(linesOf(await cli(['audit', '--json', '--user', 'alice'])), before);
});

test('what a server saw, by filters, as a table and as JSON', async (t) => {
  const { gatehouse } = await started(t);
  const audit = async (...args: string[]) => linesOf(await gatehouse.cli(['audit', '--json', ...args]));
  const failed = await until(
    () => audit('--action', 'login.failed'),
    (found) => found.length > 0,
  );
  assert.deepEqual(
    failed.map(({ actor, detail, result }) => [actor, detail, result]),
    [['alice', { reason: 'password' }, 'failed']],
  );
  const [push, ...more] = await audit('--repo', 'alice/**', '--action', 'push', '--since', '1h');
  assert.deepEqual(more, []);
  assert.deepEqual([push.actor, push.reference, push.status], ['alice', 'v1', 201]);
  assert.deepEqual(await audit('--repo', 'alice/*', '--until', '2020-01-01'), []);
  assert.equal((await audit('-n', '1')).length, 1);
  assert.ok((await audit('--user', 'alice', '--action', 'user')).length === 1, 'what was done to her');
  const table = await gatehouse.cliOk(['audit', '--repo', 'alice/app']);
  assert.match(table, /^TIME +WHO +FROM +ACTION +WHAT +RESULT\n/);
  assert.match(table, /alice +\S+ +push +alice\/app:v1 +ok 201\n/);
  assert.equal(await gatehouse.cliOk(['audit', '--user', 'nobody']), 'No such entries.\n');
});

test('--follow shows what comes', async (t) => {
  const { gatehouse, alice } = await started(t);
  const child = start(
    process.execPath,
    [BIN, 'audit', '--follow', '--json', '--action', 'pull', '--data', gatehouse.data],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  onEnd(t, () => endProcess(child));
  const lines = createInterface({ input: child.stdout! });
  // Whether the pull comes before or after the first look, it is shown once.
  assert.equal((await request(alice, { path: '/v2/alice/app/manifests/v1' })).status, 200);
  const [line] = await once(lines, 'line');
  assert.equal(JSON.parse(line).repository, 'alice/app');
  const second = once(lines, 'line');
  assert.equal((await request(alice, { path: '/v2/alice/app/manifests/v1' })).status, 200);
  assert.notEqual(JSON.parse((await second)[0]).requestId, JSON.parse(line).requestId);
});

test('--verify: the chain holds until somebody touches it, and an old head is found again', async (t) => {
  const { gatehouse } = await started(t);
  const verify = async (...args: string[]) => await gatehouse.cli(['audit', '--verify', '--json', ...args]);
  const whole = await until(
    () => verify(),
    ({ stdout }) => JSON.parse(stdout).entries >= 4,
  );
  const { head, brokenAt, blocks } = JSON.parse(whole.stdout);
  assert.deepEqual([whole.code, brokenAt], [0, null]);
  await gatehouse.cliOk(['grant', 'alice', 'x/**', 'pull']);
  const later = JSON.parse((await verify('--head', head)).stdout);
  assert.deepEqual([later.headFound, later.blocks > blocks], [true, true]);
  await gatehouse.stop();
  const database = openDatabase(join(gatehouse.data, 'audit.db'));
  database.exec(`UPDATE blocks SET entries = replace(entries, 'alice', 'bobby') WHERE id = 2`);
  database.close();
  const touched = await verify();
  assert.deepEqual([touched.code, JSON.parse(touched.stdout).brokenAt], [1, 2]);
  const other = await verify('--head', '0'.repeat(64));
  assert.deepEqual([other.code, JSON.parse(other.stdout).headFound], [1, false]);
});

const mistakes: [string, string[], RegExp][] = [
  ['a pattern that is none', ['--repo', 'UPPER'], /--repo: "UPPER" is not a repository pattern/],
  ['an unknown action', ['--action', 'eat'], /--action: expected one of login, /],
  ['a time that is none', ['--since', 'yesterday'], /--since: expected an age/],
  ['verify with a filter', ['--verify', '--user', 'alice'], /--user does not go with --verify/],
  ['a head that is none', ['--verify', '--head', 'abc'], /--head: expected the 64 digits/],
];

for (const [what, args, says] of mistakes) {
  test(`${what} is exit code 2 and says what to do`, async (t) => {
    const { cli } = await onData(t);
    const { code, stderr } = await cli(['audit', ...args]);
    assert.equal(code, 2);
    assert.match(stderr, says);
  });
}

test('a collection: by whom, and what it removed', async (t) => {
  const gatehouse = await startGatehouse(t, { env: { GATEHOUSE_GC_SCHEDULE: 'off' } });
  await gatehouse.cliOk(['gc'], { env: { SUDO_USER: 'carla' } });
  await gatehouse.cliOk(['gc', '--dry-run']);
  const entries = linesOf(await gatehouse.cli(['audit', '--json', '--action', 'collection']));
  assert.deepEqual(
    entries.map(({ actor, actorKind, result, detail }) => [actor, actorKind, result, detail]),
    [['carla', 'operator', 'ok', { run: 1, tags: 0, manifests: 0, blobs: 0, bytes: 0 }]],
  );
});

test('a gateway that hangs keeps nobody waiting; the entry is there, and once when the gateway goes on', async (t) => {
  const { gatehouse } = await started(t);
  const pid = gatehouse.pidOf('gateway');
  const carol = async () => linesOf(await gatehouse.cli(['audit', '--json', '--user', 'carol']));
  process.kill(pid, 'SIGSTOP');
  try {
    await gatehouse.cliOk(['user', 'add', 'carol', '--password-stdin'], { input: `${password}\n` });
    assert.equal(readdirSync(join(gatehouse.data, 'audit-spool')).length, 1);
    assert.deepEqual(
      (await carol()).map(({ action }) => action),
      ['user.add'],
    );
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  // It reads what the command had sent, though nobody waits for the answer any more.
  const entriesInDatabase = () => {
    const database = openDatabase(join(gatehouse.data, 'audit.db'));
    try {
      return database.prepare("SELECT count(*) FROM entries WHERE subject = 'carol'").pluck().get();
    } finally {
      database.close();
    }
  };
  await untilTrue(() => entriesInDatabase() === 1, 'the entry is in audit.db', 30_000);
  assert.equal((await carol()).length, 1);
  await gatehouse.stop();
  assert.equal((await carol()).length, 1);
});
