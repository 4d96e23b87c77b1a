import { cpuSecondsOf, forgetPeak, peakMibOf } from '../processes.ts';
import type { Row } from './rows/row.ts';
import type { Server } from './servers/server.ts';

export interface Sample {
  /** In the row's unit. */
  value: number;
  /** Of all processes of the server, for each request, GB or image. */
  cpuSeconds: number;
  /** Peaks of all processes of the server, added up. */
  peakMib: number;
  /** What the row says beside its figure. */
  details: Readonly<Record<string, number>>;
}

/** Runs a row once. */
export async function measure(row: Row, server: Server, seconds: number): Promise<Sample> {
  for (const pid of server.pids()) forgetPeak(pid);
  const before = new Map(server.pids().map((pid) => [pid, cpuSecondsOf(pid)]));
  const { value, count, details = {} } = await row.run(server, seconds);
  if (!(count > 0)) throw new Error(`${server.name} did nothing`);
  const pids = server.pids();
  const cpu = sum(pids.map((pid) => cpuSecondsOf(pid) - (before.get(pid) ?? 0)));
  return { value, cpuSeconds: cpu / count, peakMib: sum(pids.map(peakMibOf)), details };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
