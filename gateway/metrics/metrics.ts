import type { IncomingMessage } from 'node:http';
import type { Exchange } from '../exchange.ts';
import type { CredentialKind } from '../identity/index.ts';
import type { PairState } from '../tls/served-pair.ts';
import { type Snapshot, type WorkerMetrics, workerMetrics } from './registry.ts';

/** What a request logged in with, and what came of it: `ok`, or why not. Few values of each. */
export type LoginMethod = CredentialKind | 'none';
export type LimitDecision = 'admitted' | 'refused' | 'logged';

/** What is read when somebody asks. */
export interface Gauges {
  requestsActive(): number;
  connections(): number;
  pool(): { active: number; idle: number; waiting: number };
  /** Milliseconds since 1970; undefined without a certificate. */
  certificateEnd(): number | undefined;
  /** Empty without TLS of our own. */
  certificatePairs(): readonly PairState[];
}

/** Counts what this process does. */
export interface Metrics {
  /** At its beginning. @returns counts it; to be called when it is over, however it ended. */
  follow(exchange: Exchange): () => void;
  /** What Node's parser refused; it never was an exchange. */
  malformed(status: number): void;
  /** A login that failed; what came in is counted by `follow`. @param result a word of our own. */
  loggedIn(method: LoginMethod, result: string): void;
  /** @param budget which of the limits; one of a few fixed words. */
  limitDecided(budget: string, decision: LimitDecision): void;
  snapshot(): Promise<Snapshot>;
}

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

export function openMetrics(gauges: Gauges): Metrics {
  const metrics = workerMetrics();
  return {
    follow(exchange) {
      const { request, response } = exchange;
      const { socket } = request;
      const sentBefore = socket.bytesWritten;
      const readBefore = socket.bytesRead;
      return () => {
        const { route, actor } = exchange;
        const method = methods.has(request.method ?? '') ? request.method! : 'other';
        // 499 as nginx has it: the client was gone before there was an answer.
        const status = response.headersSent ? response.statusCode : 499;
        metrics.requests.inc({ route, method, status });
        metrics.durations.observe({ route, method }, (performance.now() - exchange.startedAtMs) / 1000);
        if (actor) metrics.logins.inc({ method: actor.credential?.kind ?? 'none', result: 'ok' });
        metrics.sent.inc({ route }, Math.max(0, socket.bytesWritten - sentBefore));
        metrics.received.inc({ route }, receivedBytes(request, socket.bytesRead - readBefore));
        if (!response.writableFinished) return;
        if (route === 'token' && status === 200) metrics.tokens.inc();
        const kind = transferKind(route, method, status);
        if (kind?.pulled) metrics.pulls.inc({ kind: kind.pulled });
        if (kind?.pushed) metrics.pushes.inc({ kind: kind.pushed });
      };
    },
    // No method, since none can be believed.
    malformed: (status) => metrics.requests.inc({ route: 'malformed', method: 'other', status }),
    loggedIn: (method, result) => metrics.logins.inc({ method, result }),
    limitDecided: (budget, decision) => metrics.limits.inc({ budget, decision }),
    snapshot() {
      const { active, idle, waiting } = gauges.pool();
      metrics.inFlight.set(gauges.requestsActive());
      metrics.connections.set(gauges.connections());
      metrics.corePool.set({ state: 'active' }, active);
      metrics.corePool.set({ state: 'idle' }, idle);
      metrics.coreWaiting.set(waiting);
      const end = gauges.certificateEnd();
      if (end !== undefined) metrics.certificateEnd.set(end / 1000);
      setPairs(metrics, gauges.certificatePairs());
      return metrics.registry.getMetricsAsJSON();
    },
  };
}

/** Two pairs for one name, RSA and EC, are one series: with the earlier end, and the fault of either. */
function setPairs({ pairEnd, pairFault }: WorkerMetrics, pairs: readonly PairState[]): void {
  // A pair that was renewed may have another name.
  pairEnd.reset();
  pairFault.reset();
  const ends = new Map<string, number>();
  const faulty = new Set<string>();
  for (const { names, source, certificatePath, notAfter, fault } of pairs) {
    // The one by ACME that has not been issued yet.
    if (notAfter === null) continue;
    const labels = { server_name: names[0] ?? certificatePath, source };
    const key = JSON.stringify(labels);
    const end = Math.min(Date.parse(notAfter) / 1000, ends.get(key) ?? Number.POSITIVE_INFINITY);
    ends.set(key, end);
    if (fault !== null) faulty.add(key);
    pairEnd.set(labels, end);
    pairFault.set(labels, faulty.has(key) ? 1 : 0);
  }
}

/** Of the body. What came together with the head is not in `readSince`. */
function receivedBytes({ complete, headers }: IncomingMessage, readSince: number): number {
  const announced = Number(headers['content-length']);
  return complete && announced > 0 ? announced : Math.max(0, readSince);
}

function transferKind(
  route: string,
  method: string,
  status: number,
): { pulled?: string; pushed?: string } | undefined {
  const isWhole = status === 200 || status === 206;
  if (method === 'GET' && isWhole && (route === 'manifest' || route === 'blob')) return { pulled: route };
  if (status !== 201) return undefined;
  if (route === 'manifest') return { pushed: 'manifest' };
  return route === 'upload' || route === 'uploads' ? { pushed: 'blob' } : undefined;
}
