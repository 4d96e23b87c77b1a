import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const lookMs = 300;
const ticksPerSecond = 100;

/** How many cores are busy while nothing of ours runs: figures of a machine with other work on it are worth less. */
export async function coresOfOthers(): Promise<number> {
  const [before, startedAt] = [busyTicks(), performance.now()];
  await delay(lookMs);
  return (busyTicks() - before) / ticksPerSecond / ((performance.now() - startedAt) / 1000);
}

/** proc_stat(5): user, nice, system, idle, iowait, irq, softirq. */
function busyTicks(): number {
  const [, user, nice, system, , , irq, softirq] = readFileSync('/proc/stat', 'utf8')
    .split('\n')[0]!
    .split(/\s+/);
  return [user, nice, system, irq, softirq].reduce((sum, ticks) => sum + Number(ticks), 0);
}
