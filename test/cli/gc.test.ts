import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ProgressReport } from '../../gc/progress.ts';
import { callControl } from '../../runtime/control.ts';
import { acquireLock } from '../../runtime/lock.ts';
import { hour, image, openStores } from '../gc/support.ts';
import { fileOf } from '../gc/verify-support.ts';
import { until } from '../registry-core/support.ts';
import { startGatehouse } from '../support/gatehouse.ts';
import { endProcess, start } from '../support/processes.ts';
import { pushImage } from '../support/push.ts';
import { onEnd, type Scope } from '../support/scope.ts';
import { missingTool } from '../support/tools.ts';
import { BIN, gatehouse, onTerminal, plainEnvironment } from './support.ts';

/** A data directory with one tagged image and one manifest whose time is over, and the command on it. */
async function dataDirectory(scope: Scope) {
  const stores = await openStores(scope);
  await mkdir(join(stores.root, 'run'), { mode: 0o700 });
  const layer = await stores.pushBlob('team/app');
  const manifest = await stores.putManifest('team/app', image(layer, []), 'v1');
  const garbage = await stores.putManifest('team/app', image(await stores.pushBlob('team/app'), []));
  stores.age(1000 * hour);
  const waiting = await stores.pushBlob('team/app');
  const cli = (...args: string[]) => gatehouse([...args, '--data', stores.root]);
  const json = async (...args: string[]) => JSON.parse((await cli(...args, '--json')).stdout);
  return { stores, layer, manifest, garbage, waiting, cli, json };
}

test('gc plan says what goes and what waits, with reasons, and changes nothing', async (t) => {
  const { garbage, waiting, stores, cli, json } = await dataDirectory(t);
  const { code, stdout, stderr } = await cli('gc', 'plan');
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, /^A run now would free 64 bytes: 0 tags, 1 manifest, 1 link, 1 blob, /);
  assert.match(
    stdout,
    new RegExp(`manifest {2}team/app@${garbage} .*\\n {6}untagged since .*, policy 7d; lease ended`),
  );
  assert.match(stdout, new RegExp(`Later, by itself: 64 bytes[^]*from \\S+Z {2}blob {2}${waiting}`));
  const plan = await json('gc', 'plan', '-n', '0');
  assert.deepEqual([plan.goes.bytes, plan.waits.bytes, plan.in_doubt], [64, 64, []]);
  const counts = await json('gc', '--dry-run');
  assert.deepEqual([counts.bytes_freed, counts.held_bytes], [64, 64]);
  assert.equal((await stores.collect()).bytes_freed, 64);
});

test('gc why draws the chain, and says the earliest time', async (t) => {
  const { layer, manifest, garbage, cli, json } = await dataDirectory(t);
  const { code, stdout } = await cli('gc', 'why', `team/app@${layer}`);
  assert.equal(code, 0);
  assert.match(
    stdout,
    new RegExp(
      `^blob team/app@${layer} \\(64 bytes\\)\\n {2}tag v1 \\(pushed by tester, request test, .*\\)\\n {4}└ manifest ${manifest} .*\\n {6}└ blob ${layer}\\n`,
    ),
  );
  assert.match(stdout, /\n {2}It stays as long as this is so\.\n/);
  assert.match((await cli('gc', 'why', garbage)).stdout, /Nothing keeps it: the next run takes it\./);
  assert.equal((await json('gc', 'why', 'team/app:v1')).digest, manifest);
  const unknown = await cli('gc', 'why', 'team/app:v2');
  assert.deepEqual([unknown.code, unknown.stdout], [1, '']);
  assert.match(unknown.stderr, /^gatehouse: there is no team\/app:v2 in this registry/);
  assert.equal((await cli('gc', 'why', 'sha256:0815')).code, 2);
});

test('gc history has every run: what it freed, those cut off, the one under way', async (t) => {
  const { stores, cli, json } = await dataDirectory(t);
  assert.equal((await cli('gc', 'history')).stdout, 'There was no run yet.\n');
  await stores.collection.beginRun();
  await cli('gc');
  await stores.collection.beginRun();
  const states = async () => (await json('gc', 'history')).map((run: { state: string }) => run.state);
  assert.deepEqual(await states(), ['cut off', 'finished', 'cut off']);
  const lock = await acquireLock(join(stores.root, 'run', 'gc-lock.db'));
  assert.deepEqual(await states(), ['under way', 'finished', 'cut off']);
  lock!.release();
  const { stdout } = await cli('gc', 'history', '-n', '2');
  assert.match(
    stdout,
    /^RUN +STARTED[^\n]*\n3 +\S+Z +cut off[^\n]*\n2 +\S+Z +\d+ ms +64 bytes +0 +1 +1 +0 +0\n$/,
  );
  assert.equal((await json('gc', 'history'))[1].report.bytes_freed, 64);
});

test('verify: exit code 1 while something is wrong, 0 when it is put right', async (t) => {
  const { stores, layer, cli, json } = await dataDirectory(t);
  assert.match(
    (await cli('verify')).stdout,
    /^Looked at 2 manifests, 3 blobs, 3 files \(192 bytes read, .*\nNothing is wrong\.\n$/,
  );
  const path = await fileOf(stores, layer);
  const bytes = await readFile(path);
  await writeFile(path, Buffer.from(bytes).fill(0));
  const quick = await cli('verify', '--quick');
  assert.deepEqual([quick.code, /sizes only/.test(quick.stdout)], [0, true]);
  const found = await cli('verify');
  assert.equal(found.code, 1);
  assert.match(
    found.stdout,
    new RegExp(
      `\\ndigest {2}${layer} {2}\\(64 bytes\\)\\n[^]*Wrong: 1 digest\\. Repaired 0, marked 0, left 1\\.`,
    ),
  );
  assert.equal((await cli('verify', '--repair')).code, 1);
  await writeFile(path, bytes);
  const report = await json('verify', '--repair');
  assert.deepEqual([report.repaired, report.left, report.problems], [1, 0, { recovered: 1 }]);
  assert.equal((await cli('verify')).code, 0);
});

test('the collector that runs says how far it is, and the server is asked while it collects', async (t) => {
  const { stores, cli } = await dataDirectory(t);
  const child = start(process.execPath, [BIN, 'gc', '--scheduled', '--data', stores.root], {
    env: { ...process.env, ...plainEnvironment() },
    stdio: 'ignore',
  });
  onEnd(t, () => endProcess(child));
  const socket = join(stores.root, 'run', 'gc.sock');
  const status = async () =>
    (await callControl(socket, 'GET', '/status')) as { progress: ProgressReport | null } | undefined;
  await until(async () => (await status()) !== undefined, 'the collector answers');
  assert.equal((await status())!.progress, null);
  // Entries that are struck at once, enough of them to be looked at meanwhile.
  stores.database.exec(`INSERT INTO review SELECT 'link', 1, value, 0 FROM
    (WITH RECURSIVE n (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n LIMIT 1000000) SELECT value FROM n)`);
  const run = cli('gc', '--json');
  let seen: ProgressReport | undefined;
  await until(async () => {
    const progress = (await status())?.progress;
    if (progress?.phase === 'marking') seen = progress;
    return seen !== undefined;
  }, 'the run under way');
  assert.ok(seen!.total > 0 && seen!.total <= 1_000_100, `${seen!.total}`);
  const { code, stdout, stderr } = await run;
  assert.deepEqual([code, stderr, JSON.parse(stdout).blobs_swept], [0, '', 1]);
  assert.equal((await status())!.progress, null);
});

test('beside a running server: what is asked is answered, and who pushed is named', async (t) => {
  const it = await startGatehouse(t);
  const { digest, layers } = await pushImage(it, 'team/app', 'v1');
  const why = JSON.parse(await it.cliOk(['gc', 'why', `team/app@${layers[0]!.digest}`, '--json']));
  const [tagged, leased] = why.places[0].chains;
  assert.match(tagged.steps[0], /^tag v1 \(pushed by admin, request \S+, /);
  assert.ok(tagged.steps[1].includes(digest));
  assert.match(leased.steps[0], /^lease until .* \(upload by admin, request \S+, /);
  assert.equal(JSON.parse(await it.cliOk(['gc', 'plan', '--json'])).goes.bytes, 0);
  await it.cliOk(['gc']);
  assert.equal(JSON.parse(await it.cliOk(['gc', 'history', '--json'])).length, 1);
  const report = JSON.parse(await it.cliOk(['verify', '--json']));
  assert.deepEqual([report.manifests, report.blobs, report.problems], [1, 2, {}]);
});

test('on a terminal a bar shows how far it is, and goes when it is over; elsewhere there is none', {
  skip: missingTool('script'),
}, async (t) => {
  const { stores, cli } = await dataDirectory(t);
  for (const args of [['verify'], ['gc']]) {
    const terminal = onTerminal([...args, '--data', stores.root]);
    assert.equal(await terminal.code(), 0);
    assert.match(terminal.output(), /\r[a-z ]+\[[█░]{24}\]/);
    assert.match(terminal.output(), /\r\x1b\[K(Looked at|Freed) /);
    assert.doesNotMatch(terminal.output(), /"level"/);
    const { stderr } = await cli(...args);
    assert.doesNotMatch(stderr, /\r|█|░/);
    for (const line of stderr.trimEnd().split('\n')) JSON.parse(line);
  }
});
