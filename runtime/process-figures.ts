import { readdir } from 'node:fs/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { version } from './version.ts';

/** What a process says of itself, for `gatehouse status` and metrics. The names are an interface for scripts. */
export interface ProcessFigures {
  pid: number;
  version: string;
  node: string;
  uptime_seconds: number;
  cpu_seconds: number;
  resident_bytes: number;
  heap_used_bytes: number;
  /** How late the event loop was, 99 times of 100 at most, in the last 10 to 20 seconds. */
  event_loop_lag_seconds: number;
  /** null where there is no /proc. */
  open_descriptors: number | null;
}

const resolutionMs = 20;
const lagWindowMs = 10_000;
const nanosecond = 1e-9;

let delay: ReturnType<typeof monitorEventLoopDelay> | undefined;
let lag = { seconds: 0, at: 0 };
let ownVersion: string | undefined;

/** Begins to watch the event loop: 50 wake-ups a second. The first figures are good some seconds later. */
export function watchEventLoop(): void {
  if (delay) return;
  delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  lag = { seconds: 0, at: performance.now() };
}

export async function readProcessFigures(): Promise<ProcessFigures> {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  ownVersion ??= version();
  return {
    pid: process.pid,
    version: ownVersion,
    node: process.versions.node,
    uptime_seconds: Math.round(process.uptime()),
    cpu_seconds: (user + system) / 1e6,
    resident_bytes: rss,
    heap_used_bytes: heapUsed,
    event_loop_lag_seconds: readLag(),
    open_descriptors: await countDescriptors(),
  };
}

/** Several readers share a window, so that none of them empties it for the others. */
function readLag(): number {
  if (!delay) return 0;
  const now = performance.now();
  // What the histogram has is the time between two timers, so what is over their distance is the lag.
  const measured = Math.max(0, delay.percentile(99) * nanosecond - resolutionMs / 1000);
  const seconds = delay.count > 0 ? measured : 0;
  if (now - lag.at < lagWindowMs) return Math.max(lag.seconds, seconds);
  lag = { seconds, at: now };
  delay.reset();
  return seconds;
}

async function countDescriptors(): Promise<number | null> {
  const names = await readdir('/proc/self/fd').catch(() => null);
  // One of them is that of the directory itself.
  return names === null ? null : names.length - 1;
}
