import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

// proc(5). The unit of times there is USER_HZ, which is 100 on every architecture that Node runs on.
const ticksPerSecond = 100;

/** A process and all that descend from it. Linux only. */
export function withDescendants(pid: number): number[] {
  const threads = list(`/proc/${pid}/task`);
  const children = threads.flatMap((thread) =>
    read(`/proc/${pid}/task/${thread}/children`).split(' ').filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap(withDescendants)];
}

/** User and kernel time that a process has taken so far; 0 when it has ended. */
export function cpuSecondsOf(pid: number): number {
  const fields = read(`/proc/${pid}/stat`).split(') ').at(-1)!.split(' ');
  return fields.length > 12 ? (Number(fields[11]) + Number(fields[12])) / ticksPerSecond : 0;
}

/** The most that was resident since the start, or since `forgetPeak`. */
export function peakMibOf(pid: number): number {
  return mib(pid, 'VmHWM');
}

export function residentMibOf(pid: number): number {
  return mib(pid, 'VmRSS');
}

/** What is resident, with pages that several processes share counted as parts: the same code is in memory once. */
export function shareMibOf(pid: number): number {
  return Number(/^Pss:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0) / 1024;
}

/** From now on the peak counts anew. Where that is not permitted it stays the one since the start. */
export function forgetPeak(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
  } catch {
    // The process of another user, or one that has ended.
  }
}

function mib(pid: number, field: string): number {
  const [, kib = '0'] = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(read(`/proc/${pid}/status`)) ?? [];
  return Number(kib) / 1024;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // It has ended.
    return '';
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
