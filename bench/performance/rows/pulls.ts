import { shareMibOf } from '../../processes.ts';
import { pullAtOnce } from '../load/curl.ts';
import { wrk } from '../load/wrk.ts';
import type { Server } from '../servers/server.ts';
import { median } from '../statistics.ts';
import { blobPath, mib, putBlob } from './content.ts';
import type { Row, Work } from './row.ts';

const layerBytes = 256 * mib;
export const stormBytes = 80 * mib;
const stormClients = 100;
const memoryEveryMs = 500;

function layerRow(clients: number): Row {
  return {
    name: `pull-${clients}`,
    title: `GET blob of 256 MiB, ${clients === 1 ? '1 client' : `${clients} clients`}`,
    unit: 'MB/s',
    better: 'higher',
    per: 'GB',
    target: { ratio: 1.25, cpuShare: 0.75 },
    isWarm: clients > 1,
    prepare: putBlob(layerBytes),
    async run(server, forSeconds) {
      const load = { path: blobPath(layerBytes), clients, seconds: forSeconds, bodyBytes: layerBytes };
      const { bytes, seconds } = await wrk(server, load);
      return { value: bytes / 1e6 / seconds, count: bytes / 1e9 };
    },
  };
}

const storm: Row = {
  name: 'storm',
  title: `${stormClients} clients pull 80 MiB at once`,
  unit: 's',
  better: 'lower',
  per: 'GB',
  target: { ratio: 1.4, bounds: { peakMib: { atMost: 300 }, slowestOfMedian: { atMost: 1.2 } } },
  isWarm: true,
  prepare: putBlob(stormBytes),
  run: runStorm,
};

export async function runStorm(server: Server): Promise<Work> {
  const startedAt = performance.now();
  const load = { path: blobPath(stormBytes), clients: stormClients, bytes: stormBytes };
  const memory = watchMemory(server);
  const times = await pullAtOnce(server, load);
  return {
    value: (performance.now() - startedAt) / 1000,
    count: (stormClients * stormBytes) / 1e9,
    details: { slowestOfMedian: Math.max(...times) / median(times), peakSharedOnceMib: memory.stop() },
  };
}

/** The peaks of all processes count shared code once for each of them; this looks now and then, and counts it once. */
function watchMemory(server: Server): { stop(): number } {
  let peakMib = 0;
  const look = () => {
    peakMib = Math.max(
      peakMib,
      server.pids().reduce((sum, pid) => sum + shareMibOf(pid), 0),
    );
  };
  const timer = setInterval(look, memoryEveryMs);
  return {
    stop() {
      clearInterval(timer);
      look();
      return peakMib;
    },
  };
}

export const pulls: readonly Row[] = [layerRow(1), layerRow(4), layerRow(16), storm];
