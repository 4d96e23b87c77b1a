import { readFile } from 'node:fs/promises';
import { writeFileDurably } from '../../runtime/durable-file.ts';
import type { Log } from '../../runtime/log.ts';
import type { MemoryCounters } from './memory-counters.ts';

/** Shorter windows are over, or nearly so, when a gateway is up again. */
const leastWindowMs = 10 * 60_000;
const maxEntries = 50_000;

interface Snapshot {
  version: 1;
  /** Ends in milliseconds since 1970: the store's own clock does not outlive its process. */
  windows: [key: string, used: number, points: number, windowMs: number, endsAt: number][];
}

const written = new WeakMap<MemoryCounters, string>();

/** Takes over the long windows of a gateway that ran before. What cannot be read is forgotten. */
export async function readSnapshot(path: string, counters: MemoryCounters, log: Log): Promise<void> {
  try {
    const text = await readFile(path, 'utf8');
    const { version, windows } = JSON.parse(text) as Snapshot;
    if (version !== 1) return;
    for (const [key, used, points, windowMs, endsAt] of windows) {
      const resetMs = endsAt - Date.now();
      if (resetMs > 0) counters.restore(key, { used, points, windowMs }, resetMs);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    log.warn('the counts of limits could not be read; they begin anew', { path, error });
  }
}

/** A gateway that is killed forgets what was counted since the last time. */
export async function writeSnapshot(path: string, counters: MemoryCounters, log: Log): Promise<void> {
  const windows: Snapshot['windows'] = [];
  const now = Date.now();
  for (const [key, { used, points, windowMs }, resetMs] of counters.windows()) {
    if (windowMs < leastWindowMs) continue;
    // To the second, so that the same counts are the same text.
    windows.push([key, used, points, windowMs, Math.round((now + resetMs) / 1000) * 1000]);
    if (windows.length === maxEntries) break;
  }
  const text = JSON.stringify({ version: 1, windows } satisfies Snapshot);
  if (text === (written.get(counters) ?? JSON.stringify({ version: 1, windows: [] }))) return;
  try {
    await writeFileDurably(path, text);
    written.set(counters, text);
  } catch (error) {
    log.warn('the counts of limits could not be written', { path, error });
  }
}
