import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Gatehouse } from '../support/gatehouse.ts';

/** All processes of a running gatehouse, its supervisor too. */
export function processesOf(gatehouse: Gatehouse): number[] {
  return [gatehouse.pid, ...gatehouse.children().map(({ pid }) => pid)];
}

/** Open descriptors by what they are: sockets, files under the data directory, the rest. */
export function descriptorsOf(gatehouse: Gatehouse): { sockets: number; files: number } {
  const counted = { sockets: 0, files: 0 };
  for (const pid of processesOf(gatehouse)) {
    for (const name of readdirSync(`/proc/${pid}/fd`)) {
      const target = linkOf(`/proc/${pid}/fd/${name}`);
      if (target.startsWith('socket:')) counted.sockets++;
      if (/\/(blobs|uploads)\//.test(target)) counted.files++;
    }
  }
  return counted;
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** Resident memory in KiB. */
export function residentOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);
}

export const linuxOnly = process.platform === 'linux' ? false : 'needs /proc';
