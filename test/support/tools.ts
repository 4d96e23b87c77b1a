import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

// Debian leaves the sbin directories out of the PATH of ordinary users, and nginx lives there.
const EXTRA_DIRECTORIES = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** The full path of a system tool, or undefined when it is not installed. */
export function findTool(name: string): string | undefined {
  const directories = [...(process.env.PATH ?? '').split(delimiter), ...EXTRA_DIRECTORIES];
  return directories.map((directory) => join(directory, name)).find(isExecutable);
}

/**
 * For `test(name, { skip: missingTool('podman') }, …)`: false, or the reason to skip.
 * Under CI=true a missing tool is a failure, so that no run is green by leaving things out.
 */
export function missingTool(...names: string[]): string | false {
  const missing = names.filter((name) => findTool(name) === undefined);
  if (missing.length === 0) return false;
  const reason = `not installed: ${missing.join(', ')} (test/install-clients.sh installs it)`;
  if (process.env.CI === 'true') throw new Error(reason);
  return reason;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** For `skip`: container engines mount file systems, which takes root. */
export function notRoot(): string | false {
  if (process.getuid?.() === 0) return false;
  if (process.env.CI === 'true') throw new Error('these tests need root');
  return 'needs root';
}
