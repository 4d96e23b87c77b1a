import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, constants, existsSync, mkdirSync, openSync, symlinkSync, writeSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { entrySeparator } from '../../gateway/audit/batch.ts';
import { Blocks } from '../../gateway/audit/blocks.ts';
import { formatEntry } from '../../runtime/audit-entry.ts';
import { callControl } from '../../runtime/control.ts';
import type { SupervisorStatus } from '../../supervisor/index.ts';
import { eventually } from '../supervisor/support.ts';
import { temporaryDirectory } from '../support/files.ts';
import { endProcess, run, start } from '../support/processes.ts';
import { onEnd } from '../support/scope.ts';
import { BIN, gatehouse, plainEnvironment } from './support.ts';

const oldNode = findOldNode();
const needsOldNode = { skip: oldNode ? false : 'every Node of this machine is new enough' };

test('on an old Node the command runs on the pinned one', needsOldNode, async () => {
  const { code, stdout } = await run(oldNode!, [BIN, '--help'], { env: plainEnvironment() });
  assert.equal(code, 0);
  assert.match(stdout, /^Usage: gatehouse COMMAND/);
  assert.equal((await run(oldNode!, [BIN, 'nonsense'])).code, 2);
});

test('signals reach what runs on the pinned Node, and its exit is the exit', needsOldNode, async (t) => {
  const data = await temporaryDirectory(t);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const child = start(oldNode!, [BIN, 'up', '--data', data, '--port', '0'], {
      env: { ...process.env, ...plainEnvironment() },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    for await (const chunk of child.stdout!.setEncoding('utf8')) if (/^ready$/m.test(chunk)) break;
    assert.equal(await endProcess(child, { signal }), 0);
    assert.equal(existsSync(join(data, 'run', 'supervisor.sock')), false);
  }
});

test('the command works through a link and from any directory', async (t) => {
  const directory = await temporaryDirectory(t);
  const link = join(directory, 'gatehouse');
  symlinkSync(BIN, link);
  const { code, stdout } = await run(process.execPath, [link, '--version'], { cwd: directory });
  assert.equal(code, 0);
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
});

test('whoever reads slower than the command writes gets all of it', async (t) => {
  const data = await temporaryDirectory(t);
  const count = 50_000;
  const entry = {
    at: 1,
    actor: 'alice',
    actorKind: 'user',
    action: 'pull',
    result: 'ok',
    requestId: '1',
  } as const;
  const entries = Array(count).fill(formatEntry(entry)).join(entrySeparator);
  const blocks = new Blocks(join(data, 'audit.db'));
  blocks.append({ entries, count, firstAt: 1, lastAt: 1, uses: [] });
  blocks.close();
  const { code, stdout } = await gatehouse(['audit', '--json', '-n', '0', '--data', data]);
  assert.equal(code, 0);
  assert.equal(stdout.split('\n').length - 1, count);
  const command = `${process.execPath} ${BIN} audit --json -n 0 --data ${data}`;
  const cut = await run('sh', ['-c', `{ ${command}; echo "$?" >&2; } | head -n 1`], {
    env: plainEnvironment(),
  });
  assert.match(cut.stdout, /^\{[^\n]*\}\n$/);
  assert.equal(cut.stderr, '0\n', 'a closed pipe is no failure, and keeps nobody waiting');
});

test('a registry that is stopped ends, though nobody reads what it says', async (t) => {
  const data = await temporaryDirectory(t);
  const pipe = openFullPipe(data);
  onEnd(t, () => closeSync(pipe));
  const child = start(process.execPath, [BIN, 'up', '--data', data, '--port', '0'], {
    env: { ...process.env, ...plainEnvironment() },
    stdio: ['ignore', pipe, 'ignore'],
  });
  onEnd(t, () => endProcess(child));
  const socket = join(data, 'run', 'supervisor.sock');
  await eventually('all processes are ready', async () => {
    const status = await callControl(socket, 'GET', '/status').catch(() => undefined);
    return (status as SupervisorStatus | undefined)?.processes.every(({ state }) => state === 'ready');
  });
  assert.equal(await endProcess(child), 0);
});

test('the compile cache is in the data directory, where it is ours alone', async (t) => {
  const data = await temporaryDirectory(t);
  await run(process.execPath, [BIN, 'user', 'list', '--data', data], { env: plainEnvironment() });
  assert.ok(existsSync(join(data, 'cache', 'compile')));
  const shared = join(data, 'shared');
  mkdirSync(shared);
  execFileSync('chmod', ['0777', shared]);
  await run(process.execPath, [BIN, 'user', 'list', '--data', shared], { env: plainEnvironment() });
  assert.ok(!existsSync(join(shared, 'cache')));
});

/** One that nobody reads, and that takes no more. */
function openFullPipe(directory: string): number {
  const path = join(directory, 'pipe');
  execFileSync('mkfifo', [path]);
  const pipe = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  for (const size of [65536, 1]) {
    try {
      for (;;) writeSync(pipe, Buffer.alloc(size));
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN');
    }
  }
  return pipe;
}

/** npm scripts have the pinned Node first in PATH; one behind it may be older. */
function findOldNode(): string | undefined {
  const candidates = (process.env['PATH'] ?? '').split(delimiter).map((directory) => join(directory, 'node'));
  return candidates.filter(existsSync).find((path) => {
    const version = execFileSync(path, ['--version'], { encoding: 'utf8' });
    return Number.parseInt(version.slice(1), 10) < 24;
  });
}
