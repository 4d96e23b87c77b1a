import type { ProgressReport } from '../gc/index.ts';
import type { Config } from '../runtime/config-schema.ts';
import { createLog, type Log } from '../runtime/log.ts';
import { progressLine } from './progress-bar.ts';

/** A log for work that shows a bar: on a terminal its everyday lines would run through it. */
export function quietLog(config: Config): Log {
  const level = process.stderr.isTTY && config['log.level'] === 'info' ? 'warn' : config['log.level'];
  return createLog('gc', level);
}

/** How often a terminal is drawn anew. */
const drawEveryMs = 250;

/**
 * Draws a bar on standard error while something takes its time, where that is a terminal; elsewhere nothing, so that
 * what reads it finds lines only.
 * @param read how far it is, undefined while nobody can tell.
 * @returns what takes the bar away.
 */
export function showProgress(read: () => Promise<ProgressReport | undefined>): () => void {
  if (!process.stderr.isTTY) return () => undefined;
  let isOver = false;
  let timer: NodeJS.Timeout | undefined;
  const draw = async () => {
    const progress = await read().catch(() => undefined);
    if (isOver) return;
    if (progress) process.stderr.write(`\r${progressLine(progress, process.stderr.columns || 80)}\x1b[K`);
    timer = setTimeout(draw, drawEveryMs);
  };
  void draw();
  return () => {
    isOver = true;
    clearTimeout(timer);
    process.stderr.write('\r\x1b[K');
  };
}
