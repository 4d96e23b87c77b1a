import { extname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { loadOnlyVariable } from '../runtime/main.ts';

/** The three processes, in the order of their start: each needs the ones before it. */
export const processNames = ['core', 'gateway', 'gc'] as const;

export type ProcessName = (typeof processNames)[number];

const folders: Record<ProcessName, string> = { core: 'registry-core', gateway: 'gateway', gc: 'gc' };

/** The folder that holds the rooms: of the sources in a checkout, `dist` in a published package. */
export const defaultRoot = fileURLToPath(new URL('..', import.meta.url));

/** The main module of a process, with our own extension: `.ts` in a checkout, `.js` where it was compiled. */
export function entryPath(name: ProcessName, root = defaultRoot): string {
  return fileURLToPath(moduleUrl(mainOf(name), root));
}

const mainOf = (name: ProcessName): string => `${folders[name]}/main`;

function moduleUrl(name: string, root: string): URL {
  return new URL(`${name}${extname(import.meta.url)}`, pathToFileURL(`${root}/`));
}

/**
 * Runs one of the three in this process, as under systemd or in a container of its own. Its main reads its flags
 * from the command line, which is set to what a supervisor would give it.
 */
export async function runProcessHere(name: ProcessName, flags: readonly string[]): Promise<void> {
  const path = entryPath(name);
  process.argv = [process.execPath, path, ...flags];
  await import(pathToFileURL(path).href);
}

/** What the mains load later, and their threads. */
const furtherModules = [
  'gateway/gateway',
  'gateway/audit/writer-thread',
  'gateway/identity/password-worker',
  'registry-core/metadata/writer-thread',
];

/** Loads all modules of all processes here, and runs none: the mains see that in the environment. */
export async function loadAllModules(): Promise<void> {
  process.env[loadOnlyVariable] = '1';
  for (const name of [...processNames.map(mainOf), ...furtherModules]) {
    await import(moduleUrl(name, defaultRoot).href);
  }
}
