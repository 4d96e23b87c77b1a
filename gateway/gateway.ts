import type { Server as TlsServer } from 'node:https';
import { openAll } from '../runtime/closers.ts';
import { dataPaths } from '../runtime/config.ts';
import type { Config } from '../runtime/config-schema.ts';
import type { Log } from '../runtime/log.ts';
import type { Running } from '../runtime/main.ts';
import { openApi } from './api/api.ts';
import { openAccessLines } from './audit/access-lines.ts';
import { openAudit, together } from './audit/access-log.ts';
import { auditOver } from './audit/remote.ts';
import { openWitness } from './audit/witness.ts';
import { openHotBlobs } from './blobs/hot.ts';
import { BodyDeadlines } from './body-deadlines.ts';
import { clientOriginReader } from './client-address.ts';
import { openCoreMessages } from './core-messages.ts';
import { type Hostnames, openHostnames } from './hostname.ts';
import { openIdentity } from './identity/index.ts';
import { keepAnswers } from './kept-answers.ts';
import { type Limits, openLimits } from './limits/policy.ts';
import { type Listener, openListener } from './listener.ts';
import type { Metrics } from './metrics/metrics.ts';
import { observe } from './observe.ts';
import { ProxiedConnections } from './proxied/connections.ts';
import { networkCheck } from './proxied/networks.ts';
import { openProxy } from './proxy.ts';
import { createRedirect } from './redirect.ts';
import { createChain } from './server.ts';
import { openShared, serveQuestions } from './shared.ts';
import { SmallSubmissions } from './small-submissions.ts';
import { serveReports } from './status.ts';
import { plainAnswers, readAuthority } from './tls/plain-answers.ts';
import { openCertificate, type ServedCertificate } from './tls.ts';
import { openWarnings } from './warnings.ts';
import { type Channel, ownServices } from './workers/channel.ts';
import { openDirectChannel } from './workers/direct.ts';
import { type InheritedSockets, redirectPort } from './workers/sockets.ts';

/** A running gateway. */
export interface Gateway extends Running {
  /** The port that it listens on, when the configuration said 0. */
  port: number;
}

/** A gateway in this one process: the front door, and beside it what workers would share. */
export async function openGateway(config: Config, log: Log): Promise<Gateway> {
  const { channel, hub } = openDirectChannel(log);
  hub.serve(ownServices.sockets, () => undefined);
  const { opened, close } = await openAll(async (onClose) => {
    const shared = await openShared(config, log, hub);
    onClose(() => shared.close());
    const frontDoor = await openFrontDoor(config, log, channel);
    onClose(() => frontDoor.drain());
    const questions = await serveQuestions(config, log, hub, shared);
    onClose(() => questions.close());
    const reload = async () => {
      await shared.reload();
      await frontDoor.reload?.();
    };
    return { port: frontDoor.port, reload };
  });
  return { ...opened, drain: close };
}

/** What serves requests; one in each worker. Everything is opened here, in order, and closed in reverse. */
export async function openFrontDoor(config: Config, log: Log, channel: Channel): Promise<Gateway> {
  const { opened, close } = await openAll(async (onClose) => {
    onClose(() => channel.settle());
    const paths = dataPaths(config);
    const hostnames = openHostnames(config.hostname);
    const certificate = await openCertificate(config, log, channel);
    onClose(() => certificate?.close());
    const identity = await openIdentity({ config, log });
    onClose(() => identity.close());
    const proxy = openProxy(paths.coreSocket);
    onClose(() => proxy.close());
    const messages = openCoreMessages(paths.coreMessagesSocket);
    onClose(() => messages.close());
    const observation = observe({ config, proxy, certificate, channel });
    const { metrics, health } = observation;
    const accessLines = openAccessLines(config, log);
    const deadlines = new BodyDeadlines(config);
    onClose(() => deadlines.close());
    const proxied = openProxied(config, log);
    const recorder = auditOver(channel);
    const audit = together(openAudit(log, accessLines), openWitness(recorder));
    const limits = openLimits({ config, log, channel, metrics, proxied });
    const reads = keepAnswers(messages);
    const storageRoot = config['storage.root'];
    const upstream = {
      proxy,
      reads,
      messages,
      submissions: new SmallSubmissions(),
      storageRoot,
      hotBlobs: openHotBlobs(storageRoot),
      deadlines,
    };
    const api = await openApi(config, { identity, limits, audit, upstream, recorder });
    onClose(() => api.close());
    const chain = createChain({
      log,
      metrics,
      health,
      readOrigin: clientOriginReader(config, proxied),
      hostnames,
      limits,
      identity,
      audit,
      challenge: { mode: config['auth.challenge'], service: identity.service },
      warnings: openWarnings(config, certificate),
      clientOf: (request, response) => certificate?.clientOf(request, response),
      authorityCertificate: () => readAuthority(config),
      strictTransport: strictTransport(config['tls.hsts']),
      upstream,
      api,
    });
    const inherited = await channel.call<InheritedSockets>(ownServices.sockets);
    const parts = { config, certificate, proxied, limits, metrics, log, inherited };
    const listener = await listen(chain, parts);
    observation.watch(listener);
    onClose(() => listener.close(config['shutdown.drain']));
    const redirect = await listenForRedirects(listener, hostnames, parts);
    onClose(() => redirect?.close(0));
    serveReports(channel, { listener, config, certificate, identity, observation });
    const reload = async () => {
      hostnames.refresh();
      await certificate?.reload();
      accessLines.reopen();
    };
    return { port: listener.port, reload };
  });
  return { ...opened, drain: close };
}

/** RFC 6797, section 6.1. */
function strictTransport(maxAgeMs: number): string {
  return maxAgeMs === 0 ? '' : `max-age=${Math.floor(maxAgeMs / 1000)}`;
}

/** @returns undefined where nobody speaks the PROXY protocol. */
function openProxied(config: Config, log: Log): ProxiedConnections | undefined {
  if (config['proxy.protocol'] === 'off') return undefined;
  return new ProxiedConnections({ isProxy: networkCheck(config['proxy.trusted']), log });
}

interface ListenParts {
  config: Config;
  certificate: ServedCertificate | undefined;
  proxied: ProxiedConnections | undefined;
  limits: Limits;
  metrics: Metrics;
  log: Log;
  inherited: InheritedSockets;
}

async function listen(
  chain: Parameters<typeof openListener>[0],
  { config, certificate, proxied, limits, metrics, log, inherited }: ListenParts,
): Promise<Listener> {
  const { listen: addresses, port } = config;
  const tls = certificate?.options();
  const listener = await openListener(chain, {
    addresses,
    port,
    inherited: inherited?.main,
    setting: 'port',
    tls,
    proxied,
    onConnection: limits.admitConnection,
    onMalformed: metrics.malformed,
    timeouts: config,
    log,
  });
  certificate?.keepCurrent(listener.servers as TlsServer[]);
  log.info('listening', { addresses: listener.addresses, tls: config['tls.mode'] });
  return listener;
}

async function listenForRedirects(
  listener: Listener,
  hostnames: Hostnames,
  { config, proxied, log, inherited }: ListenParts,
): Promise<Listener | undefined> {
  const port = redirectPort(config);
  if (port === 0) return undefined;
  const plainAnswer = plainAnswers(config);
  const redirect = createRedirect({ hostnames, httpsPort: listener.port, plainAnswer, log });
  return openListener(redirect, {
    addresses: config.listen,
    port,
    inherited: inherited?.redirect,
    setting: 'http.port',
    proxied,
    timeouts: config,
    log,
  });
}
