import { mkdir } from 'node:fs/promises';
import type { Server as TlsServer } from 'node:https';
import type { AuditEntry } from '../runtime/audit-entry.ts';
import { dataPaths } from '../runtime/config.ts';
import type { Config } from '../runtime/config-schema.ts';
import { serveControl } from '../runtime/control.ts';
import type { Log } from '../runtime/log.ts';
import type { Running } from '../runtime/main.ts';
import { openAudit, together } from './audit/access-log.ts';
import { type AuditTrail, openAuditTrail } from './audit/trail.ts';
import { openWitness } from './audit/witness.ts';
import { clientOriginReader } from './client-address.ts';
import { type Hostnames, openHostnames } from './hostname.ts';
import { openIdentity } from './identity/index.ts';
import { openLimits } from './limits/policy.ts';
import { type Listener, openListener } from './listener.ts';
import { serveMetrics } from './metrics/scrape.ts';
import { observe } from './observe.ts';
import { openProxy } from './proxy.ts';
import { createRedirect } from './redirect.ts';
import { createChain } from './server.ts';
import { openCertificate, type ServedCertificate } from './tls.ts';
import { openWarnings } from './warnings.ts';

/** A running gateway. */
export interface Gateway extends Running {
  /** The port that it listens on, when the configuration said 0. */
  port: number;
}

/** Builds the gateway: everything is opened here, in order, and closed in reverse. */
export async function openGateway(config: Config, log: Log): Promise<Gateway> {
  const closers: (() => void | Promise<void>)[] = [];
  const closeAll = async () => {
    for (let close = closers.pop(); close; close = closers.pop()) await close();
  };
  try {
    const paths = dataPaths(config);
    await mkdir(paths.run, { recursive: true, mode: 0o700 });
    const hostnames = openHostnames(config.hostname);
    const certificate = await openCertificate(config, log);
    closers.push(() => certificate?.close());
    const identity = await openIdentity({ config, log });
    closers.push(() => identity.close());
    const trail = await openAuditTrail(config, log);
    closers.push(() => trail.close());
    const proxy = openProxy(paths.coreSocket);
    closers.push(() => proxy.close());
    const observation = observe(config, proxy, certificate);
    const { metrics, health } = observation;
    const chain = createChain({
      log,
      metrics,
      health,
      readOrigin: clientOriginReader(config['proxy.trusted']),
      hostnames,
      limits: openLimits(config),
      identity,
      audit: together(openAudit(log), openWitness(trail)),
      challenge: { mode: config['auth.challenge'], service: identity.service },
      warnings: openWarnings(config, certificate),
      upstream: { proxy, storageRoot: config['storage.root'] },
    });
    const listener = await listen(chain, config, certificate, log);
    observation.watch(listener);
    closers.push(() => listener.close(config['shutdown.drain']));
    const redirect = await listenForRedirects(listener, hostnames, config, log);
    closers.push(() => redirect?.close(0));
    const snapshot = async () => [{ pid: process.pid, metrics: await metrics.snapshot() }];
    const metricsServer = await serveMetrics(config, snapshot, log);
    closers.push(() => metricsServer?.close());
    const control = await serveControl(
      paths.gatewaySocket,
      {
        'GET /status': async () => ({
          ...(await status(listener, config, certificate, trail)),
          readiness: await observation.readiness.read(),
          metrics: metricsServer ? { port: metricsServer.port } : null,
        }),
        'POST /audit': (entry) => trail.recordDurably(entry as AuditEntry),
      },
      log,
    );
    closers.push(() => control.close());
    const reload = async () => {
      hostnames.refresh();
      await certificate?.reload();
      await trail.reopen();
    };
    return { port: listener.port, drain: closeAll, reload };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function listen(
  chain: Parameters<typeof openListener>[0],
  config: Config,
  certificate: ServedCertificate | undefined,
  log: Log,
): Promise<Listener> {
  const { listen: addresses, port } = config;
  const tls = certificate?.options();
  const listener = await openListener(chain, { addresses, port, setting: 'port', tls, log });
  certificate?.keepCurrent(listener.servers as TlsServer[]);
  log.info('listening', { addresses: listener.addresses, tls: config['tls.mode'] });
  return listener;
}

async function listenForRedirects(
  listener: Listener,
  hostnames: Hostnames,
  config: Config,
  log: Log,
): Promise<Listener | undefined> {
  const port = config['http.port'];
  // Without TLS here there is no HTTPS to redirect to.
  if (port === 0 || config['tls.mode'] === 'off') return undefined;
  const redirect = createRedirect(hostnames, listener.port, log);
  return openListener(redirect, { addresses: config.listen, port, setting: 'http.port', log });
}

async function status(
  listener: Listener,
  config: Config,
  certificate: ServedCertificate | undefined,
  trail: AuditTrail,
) {
  return {
    pid: process.pid,
    uptimeSeconds: Math.round(process.uptime()),
    addresses: listener.addresses,
    tls: config['tls.mode'],
    certificate: await certificate?.describe(),
    requests: listener.requests,
    audit: trail.status(),
  };
}
