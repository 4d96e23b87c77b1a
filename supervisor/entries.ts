import { extname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** The three processes, in the order of their start: each needs the ones before it. */
export const processNames = ['core', 'gateway', 'gc'] as const;

export type ProcessName = (typeof processNames)[number];

const folders: Record<ProcessName, string> = { core: 'registry-core', gateway: 'gateway', gc: 'gc' };

/** The folder that holds the rooms: of the sources in a checkout, `dist` in a published package. */
export const defaultRoot = fileURLToPath(new URL('..', import.meta.url));

/** The main module of a process, with our own extension: `.ts` in a checkout, `.js` where it was compiled. */
export function entryPath(name: ProcessName, root = defaultRoot): string {
  const url = new URL(`${folders[name]}/main${extname(import.meta.url)}`, pathToFileURL(`${root}/`));
  return fileURLToPath(url);
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
