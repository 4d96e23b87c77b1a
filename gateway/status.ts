import type { Config } from '../runtime/config-schema.ts';
import { type ProcessFigures, readProcessFigures } from '../runtime/process-figures.ts';
import type { ReadinessReport } from './health/readiness.ts';
import type { HtpasswdStatus, Identity } from './identity/index.ts';
import type { Listener } from './listener.ts';
import type { WorkerSnapshot } from './metrics/workers.ts';
import type { Observation } from './observe.ts';
import type { PairState } from './tls/served-pair.ts';
import type { ServedCertificate } from './tls.ts';
import type { Channel } from './workers/channel.ts';

/** What a worker says of itself. */
export interface WorkerStatus {
  pid: number;
  uptimeSeconds: number;
  rssBytes: number;
  addresses: Listener['addresses'];
  tls: Config['tls.mode'];
  certificate?: unknown;
  htpasswd?: HtpasswdStatus | undefined;
  certificates?: readonly PairState[] | undefined;
  requests: { total: number; active: number };
  connections: number;
  readiness: ReadinessReport;
}

interface WorkerParts {
  listener: Listener;
  config: Config;
  certificate: ServedCertificate | undefined;
  identity: Identity;
  observation: Observation;
}

/** What the primary asks of each worker. */
export const reports = { status: 'status', metrics: 'metrics' } as const;

/** In a worker: answers what `shared.ts` asks. */
export function serveReports(channel: Channel, parts: WorkerParts): void {
  channel.serve(reports.status, () => workerStatus(parts));
  channel.serve(reports.metrics, async (): Promise<WorkerSnapshot> => {
    return { pid: process.pid, metrics: await parts.observation.metrics.snapshot() };
  });
}

async function workerStatus(parts: WorkerParts): Promise<WorkerStatus> {
  const { listener, config, certificate, identity, observation } = parts;
  return {
    pid: process.pid,
    uptimeSeconds: Math.round(process.uptime()),
    rssBytes: process.memoryUsage.rss(),
    addresses: listener.addresses,
    tls: config['tls.mode'],
    certificate: await certificate?.describe(),
    htpasswd: await identity.htpasswd(),
    certificates: certificate?.pairs(),
    requests: { ...listener.requests },
    connections: listener.connections(),
    readiness: await observation.readiness.read(),
  };
}

/** Of the process that answers, with the memory of all. */
export async function gatewayFigures(workers: readonly WorkerStatus[]): Promise<ProcessFigures> {
  const own = await readProcessFigures();
  const others = workers.filter(({ pid }) => pid !== process.pid);
  const resident_bytes = others.reduce((total, { rssBytes }) => total + rssBytes, own.resident_bytes);
  return { ...own, resident_bytes };
}

function hasFaultyPair({ certificates = [] }: WorkerStatus): boolean {
  return certificates.some(({ fault }) => fault !== null);
}

/** The gateway as one: what all workers have alike, and sums over them. */
export function mergeStatus(workers: readonly WorkerStatus[]) {
  const [first] = workers;
  const sum = (read: (status: WorkerStatus) => number) =>
    workers.reduce((total, status) => total + read(status), 0);
  return {
    pid: process.pid,
    uptimeSeconds: Math.round(process.uptime()),
    addresses: first?.addresses ?? [],
    tls: first?.tls,
    certificate: first?.certificate,
    htpasswd: (workers.find(({ htpasswd }) => htpasswd?.faults.length) ?? first)?.htpasswd,
    certificates: (workers.find(hasFaultyPair) ?? first)?.certificates,
    // As ready as the one that is least so.
    readiness: (workers.find(({ readiness }) => !readiness.ready) ?? first)?.readiness,
    requests: {
      total: sum(({ requests }) => requests.total),
      active: sum(({ requests }) => requests.active),
    },
    connections: sum(({ connections }) => connections),
    workers: workers.map(({ pid, uptimeSeconds, rssBytes, requests }) => {
      return { pid, uptimeSeconds, rssBytes, requests };
    }),
  };
}
