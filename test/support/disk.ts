import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { temporaryDirectory } from './files.ts';
import { run, runOk } from './processes.ts';
import { onEnd, type Scope } from './scope.ts';

/** For `skip`: false, or why no file system can be mounted here; root in a container may not, either. */
export function cannotMount(): string | false {
  const probe = mkdtempSync(join(tmpdir(), 'gatehouse-mount-'));
  try {
    const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', probe], { encoding: 'utf8' });
    if (status === 0) spawnSync('umount', [probe]);
    if (status !== 0 && process.env.CI === 'true') throw new Error(`these tests need to mount: ${stderr}`);
    return status === 0 ? false : 'may not mount a file system';
  } finally {
    rmdirSync(probe);
  }
}

/** A file system of its own that a test can fill, and make room on again. */
export async function smallDisk(scope: Scope, size: string) {
  const path = await temporaryDirectory(scope, 'disk');
  await runOk('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path]);
  onEnd(scope, () => runOk('umount', [path]));
  const ballast = join(path, 'ballast');
  return {
    path,
    /** Takes the last byte: dd ends with an error when there is nothing left to write to. */
    fill: () => run('dd', ['if=/dev/zero', `of=${ballast}`, 'bs=4096']),
    free: () => rmSync(ballast, { force: true }),
    isFull: () => !canWrite(join(path, 'probe')),
  };
}

function canWrite(path: string): boolean {
  try {
    writeFileSync(path, Buffer.alloc(4096));
    return true;
  } catch {
    return false;
  } finally {
    if (existsSync(path)) rmSync(path);
  }
}
