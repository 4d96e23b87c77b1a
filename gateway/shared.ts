import { mkdir } from 'node:fs/promises';
import type { AuditEntry } from '../runtime/audit-entry.ts';
import { dataPaths } from '../runtime/config.ts';
import type { Config } from '../runtime/config-schema.ts';
import { type ControlHandlers, serveControl } from '../runtime/control.ts';
import type { Log } from '../runtime/log.ts';
import { watchEventLoop } from '../runtime/process-figures.ts';
import { serveAudit } from './audit/remote.ts';
import { type AuditTrail, openAuditTrail } from './audit/trail.ts';
import { openSharedLimits, type SharedLimits } from './limits/shared.ts';
import { serveMetrics } from './metrics/scrape.ts';
import type { WorkerSnapshot } from './metrics/workers.ts';
import { gatewayFigures, mergeStatus, reports, type WorkerStatus } from './status.ts';
import { AcmeKeeper } from './tls/acme-keeper.ts';
import { serveTicketKeys } from './tls/ticket-keys.ts';
import type { Hub } from './workers/channel.ts';

/** What a gateway has once, however many workers it has: in the primary, or in the one process. */
export interface Shared {
  trail: AuditTrail;
  acme: AcmeKeeper | undefined;
  limits: SharedLimits;
  reload(): Promise<void>;
  close(): Promise<void>;
}

/** Opens what workers need, before the first of them starts; each part serves them by the hub. */
export async function openShared(config: Config, log: Log, hub: Hub): Promise<Shared> {
  watchEventLoop();
  await mkdir(dataPaths(config).run, { recursive: true, mode: 0o700 });
  const trail = await openAuditTrail(config, log);
  serveAudit(hub, trail);
  const limits = await openSharedLimits(config, log, hub);
  const ticketKeys = serveTicketKeys(hub);
  const acme = config['tls.mode'] === 'acme' ? new AcmeKeeper(config, log) : undefined;
  return {
    trail,
    acme,
    limits,
    async reload() {
      acme?.retry();
      await trail.reopen();
    },
    async close() {
      acme?.close();
      ticketKeys.close();
      await limits.close();
      await trail.close();
    },
  };
}

/** What others ask the gateway, opened last: whoever gets an answer finds a gateway that serves. */
export async function serveQuestions(
  config: Config,
  log: Log,
  hub: Hub,
  { trail, acme, limits }: Shared,
): Promise<{ close(): Promise<void> }> {
  const metrics = await serveMetrics(config, () => hub.askAll<WorkerSnapshot>(reports.metrics), log);
  const handlers: ControlHandlers = {
    ...limits.control,
    'GET /status': async () => {
      const workers = await hub.askAll<WorkerStatus>(reports.status);
      return {
        ...mergeStatus(workers),
        process: await gatewayFigures(workers),
        audit: trail.status(),
        acme: acme?.state(),
        metrics: metrics ? { port: metrics.port, url: metrics.url } : null,
      };
    },
    'POST /audit': (entry) => trail.commit(entry as AuditEntry),
  };
  try {
    const control = await serveControl(dataPaths(config).gatewaySocket, handlers, log);
    acme?.begin();
    return {
      async close() {
        await control.close();
        await metrics?.close();
      },
    };
  } catch (error) {
    await metrics?.close();
    throw error;
  }
}
