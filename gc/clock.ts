import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import type { ClockReading } from '../registry-core/metadata/clock.ts';

/** Wall clock and boot clock, read together. Without a boot id (not Linux) every start counts as a new boot. */
export function readClock(): ClockReading {
  return { bootId: bootId(), wallMs: Date.now(), bootMs: uptime() * 1000 };
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return `process ${process.pid}`;
  }
}
