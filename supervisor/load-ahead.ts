import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { version } from '../runtime/version.ts';

const loader = fileURLToPath(new URL(`./load-ahead-process${extname(import.meta.url)}`, import.meta.url));
const limitMs = 30_000;

/**
 * Has everything compiled once for each version, by a process that ends then. What compiles holds about 45 MiB for as long
 * as it lives, so those that stay are to find it done. Nothing depends on it: where it fails, each compiles for itself.
 * @param signal ends it.
 */
export async function loadAhead(environment: NodeJS.ProcessEnv, signal?: AbortSignal): Promise<void> {
  const cache = environment['NODE_COMPILE_CACHE'];
  if (!cache) return;
  const done = join(cache, `loaded-${version()}-${process.version}`);
  if (existsSync(done)) return;
  const child = spawn(process.execPath, [loader], {
    env: environment,
    stdio: 'ignore',
    timeout: limitMs,
    ...(signal && { signal }),
  });
  const [code] = (await once(child, 'exit').catch(() => [null])) as [number | null];
  if (code !== 0) return;
  try {
    writeFileSync(done, '');
  } catch {
    // A disk that is full, or not for us: next time again.
  }
}
