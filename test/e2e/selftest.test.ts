import assert from 'node:assert/strict';
import { readdirSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { BIN, plainEnvironment } from '../cli/support.ts';
import { eventually } from '../supervisor/support.ts';
import { temporaryDirectory } from '../support/files.ts';
import { collectOutput, endProcess, start } from '../support/processes.ts';
import { onEnd, type Scope } from '../support/scope.ts';

test('a soak beside collections without a pause: nothing refused, nothing broken, nothing left', async (t) => {
  const data = await temporaryDirectory(t, 'selftest');
  const { ended, output } = startSelftest(t, data, '25s');
  const code = await ended;
  const report = JSON.parse(output.stdout());
  t.diagnostic(JSON.stringify(report));
  assert.deepEqual([code, report.failures], [0, []], output.stderr());
  assert.deepEqual([report.refused_pushes, report.broken_pulls, report.files_left], [0, 0, 0]);
  for (const name of ['pushes', 'pulls', 'deletions', 'retags', 'collections', 'blobs_swept']) {
    assert.ok(report[name] > 0, `${name}: nothing is proved`);
  }
  assert.deepEqual(scratches(data), []);
});

test('a soak on a disk that loses bytes fails and says what was lost', async (t) => {
  const data = await temporaryDirectory(t, 'selftest');
  const { ended, output, child } = startSelftest(t, data, '10s');
  while (child.exitCode === null && child.signalCode === null) {
    for (const path of blobFiles(data)) damage(path);
    await delay(20);
  }
  assert.equal(await ended, 1, output.stderr());
  const report = JSON.parse(output.stdout());
  assert.ok(report.broken_pulls > 0 && report.failures.length > 0, output.stdout());
});

test('Ctrl-C ends a soak early, and nothing of it stays', async (t) => {
  const data = await temporaryDirectory(t, 'selftest');
  const { ended, output, child } = startSelftest(t, data, '10m');
  await eventually('the soak is at work', () => blobFiles(data).length > 0);
  child.kill('SIGINT');
  assert.ok([0, 1].includes((await ended)!), output.stderr());
  assert.equal(typeof JSON.parse(output.stdout()).passed, 'boolean');
  assert.deepEqual(scratches(data), []);
});

function startSelftest(scope: Scope, data: string, duration: string) {
  const child = start(process.execPath, [BIN, 'selftest', '--soak', duration, '--json', '--data', data], {
    env: { ...process.env, ...plainEnvironment() },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = collectOutput(child);
  onEnd(scope, () => endProcess(child));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, output, ended };
}

function damage(path: string): void {
  try {
    truncateSync(path, 1);
  } catch (error) {
    // A collection was faster.
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOENT');
  }
}

function scratches(data: string): string[] {
  return readdirSync(data).filter((name) => name.startsWith('selftest-'));
}

/** Of the registry that the selftest made for itself. */
function blobFiles(data: string): string[] {
  try {
    const root = join(data, scratches(data)[0] ?? '', 'blobs', 'sha256');
    return readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.includes('.'))
      .map((name) => join(root, name));
  } catch {
    // It comes and goes while we look.
    return [];
  }
}
