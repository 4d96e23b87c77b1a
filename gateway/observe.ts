import type { Config } from '../runtime/config-schema.ts';
import { watchEventLoop } from '../runtime/process-figures.ts';
import { auditFault } from './audit/remote.ts';
import { openReadiness, type Readiness } from './health/readiness.ts';
import type { Listener } from './listener.ts';
import { type Metrics, openMetrics } from './metrics/metrics.ts';
import { networkCheck } from './proxied/networks.ts';
import type { CoreProxy } from './proxy.ts';
import type { Health } from './routes.ts';
import type { ServedCertificate } from './tls.ts';
import type { Channel } from './workers/channel.ts';

/** What tells others how this process does. */
export interface Observation {
  metrics: Metrics;
  health: Health;
  readiness: Readiness;
  /** The listener comes after the chain that it hands requests to. */
  watch(listener: Listener): void;
}

export interface ObserveParts {
  config: Config;
  proxy: CoreProxy;
  certificate: ServedCertificate | undefined;
  channel: Channel;
}

export function observe({ config, proxy, certificate, channel }: ObserveParts): Observation {
  watchEventLoop();
  let listener: Listener | undefined;
  const certificateEnd = () => certificate?.life().endsAt;
  const metrics = openMetrics({
    requestsActive: () => listener?.requests.active ?? 0,
    connections: () => listener?.connections() ?? 0,
    pool: () => proxy.pool(),
    certificateEnd,
    certificatePairs: () => certificate?.pairs() ?? [],
  });
  const readiness = openReadiness({
    config,
    certificateEnd,
    auditFault: () => auditFault(channel),
    isDraining: () => listener?.isDraining() ?? false,
  });
  return {
    metrics,
    readiness,
    health: { readiness, mayKnow: networkCheck(config['health.details_to']) },
    watch(opened) {
      listener = opened;
    },
  };
}
