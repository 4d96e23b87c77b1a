import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory } from './files.ts';
import { noise } from './images.ts';
import { freePort } from './ports.ts';
import { endProcess, isAlive, run, runOk, start } from './processes.ts';
import { digestOf } from './push.ts';
import { onEnd } from './scope.ts';
import { tar } from './tar.ts';
import { missingTool } from './tools.ts';

const RUNNER = fileURLToPath(new URL('../run.js', import.meta.url));

test('what was begun last ends first, and a directory goes after what wrote to it', async (t) => {
  let directory = '';
  const seen: string[] = [];
  await t.test('inner', async (inner) => {
    directory = await temporaryDirectory(inner);
    await writeFile(join(directory, 'file'), 'content');
    onEnd(inner, () => seen.push(`first, ${existsSync(directory)}`));
    onEnd(inner, () => seen.push('second'));
  });
  assert.deepEqual(seen, ['second', 'first, true']);
  assert.equal(existsSync(directory), false);
});

test('a command that takes too long is ended and says so', async () => {
  const finished = await run(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { timeoutMs: 200 });
  assert.equal(finished.code, null);
  assert.match(finished.stderr, /ended by SIGKILL/);
});

test('a command that fails shows what it wrote', async () => {
  const script = 'console.log("to stdout"); console.error("to stderr"); process.exitCode = 3';
  await assert.rejects(runOk(process.execPath, ['-e', script]), /ended with 3\nto stdout\nto stderr/);
});

test('a process that does not listen is ended all the same', async () => {
  const script = 'process.on("SIGTERM", () => {}); console.log("up"); setInterval(() => {}, 1000)';
  const child = start(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve) => child.stdout!.once('data', resolve));
  await endProcess(child, { timeoutMs: 200 });
  assert.equal(child.signalCode, 'SIGKILL');
  assert.equal(isAlive(child.pid!), false);
});

test('a missing tool is a reason to skip, and under CI a failure', (t) => {
  const before = process.env.CI;
  t.after(() => {
    if (before === undefined) delete process.env.CI;
    else process.env.CI = before;
  });
  process.env.CI = '';
  assert.match(String(missingTool('no-such-tool')), /not installed: no-such-tool/);
  assert.equal(missingTool('tar'), false);
  process.env.CI = 'true';
  assert.throws(() => missingTool('no-such-tool'), /not installed: no-such-tool/);
});

test('archives are what tar reads', { skip: missingTool('tar') }, async (t) => {
  const file = join(await temporaryDirectory(t), 'archive.tar');
  await writeFile(
    file,
    tar([
      { path: 'a/b.txt', content: 'text' },
      { path: 'c.bin', content: noise('c', 1000) },
    ]),
  );
  assert.equal(await runOk('tar', ['-tf', file]), 'a/b.txt\nc.bin\n');
  assert.equal(await runOk('tar', ['-xOf', file, 'a/b.txt']), 'text');
});

test('the runner takes away what is personal: variables, umask', async (t) => {
  const file = join(await temporaryDirectory(t), 'environment.test.ts');
  const look = 'console.log(JSON.stringify([process.umask(), Object.keys(process.env)]))';
  await writeFile(file, `import { test } from 'node:test'; test('x', () => ${look});`);
  const personal = [
    'GATEHOUSE_PORT',
    'DOCKER_CONTENT_TRUST',
    'https_proxy',
    'NO_PROXY',
    'LC_ALL',
    'FORCE_COLOR',
  ];
  // NODE_TEST_CONTEXT is how a runner tells that it runs inside another.
  const env = { ...Object.fromEntries(personal.map((name) => [name, '1'])), NODE_TEST_CONTEXT: undefined };
  const command = 'umask 077 && exec "$@"';
  const output = await runOk('sh', ['-c', command, 'sh', process.execPath, RUNNER, file], { env });
  const [umask, names] = JSON.parse(/^\[.*\]$/m.exec(output)![0]);
  assert.equal(umask, 0o022);
  assert.deepEqual(
    personal.filter((name) => names.includes(name)),
    [],
  );
});

test('noise is the same for the same seed only', () => {
  assert.equal(digestOf(noise('a', 100)), digestOf(noise('a', 100)));
  assert.notEqual(digestOf(noise('a', 100)), digestOf(noise('b', 100)));
});

test('a free port is not named twice, though nobody listens on it', async () => {
  const ports = await Promise.all(Array.from({ length: 300 }, () => freePort()));
  for (let again = 0; again < 300; again++) ports.push(await freePort());
  assert.equal(new Set(ports).size, 600);
});
