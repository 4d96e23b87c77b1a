import { existsSync } from 'node:fs';
import { dataPaths } from '../../runtime/config.ts';
import type { Config } from '../../runtime/config-schema.ts';
import { callControl } from '../../runtime/control.ts';
import { type CoreStatus, coreStatusPath } from '../../runtime/core-status.ts';
import { openDatabase } from '../../runtime/sqlite.ts';
import { probeWriting } from '../../runtime/write-probe.ts';

/** The names are an interface for scripts. */
export interface ReadinessReport {
  /** Whatever the audit trail does: requests go on without it. */
  ready: boolean;
  checks: Record<CheckName, { ok: boolean; message?: string }>;
}

type CheckName = 'core' | 'disk' | 'databases' | 'certificate' | 'listening' | 'audit';

/** Whether a registry that is asked now would do its work. */
export interface Readiness {
  /** As it was at most a moment ago: anybody may ask, as often as he likes. */
  read(): Promise<ReadinessReport>;
}

export interface ReadinessSources {
  config: Config;
  /** Milliseconds since 1970; undefined without TLS of our own. */
  certificateEnd(): number | undefined;
  /** Why the audit trail could not be written last. */
  auditFault(): Promise<string | undefined>;
  isDraining(): boolean;
}

const keptMs = 1000;
const coreLimitMs = 2000;

/** Each check resolves with what is wrong, undefined when nothing is. */
export function openReadiness(sources: ReadinessSources): Readiness {
  const { config, certificateEnd, isDraining } = sources;
  const checks: Record<CheckName, () => Promise<string | undefined>> = {
    core: () => checkCore(config),
    disk: () => probeWriting(config.data),
    databases: async () => checkDatabase(dataPaths(config).usersDatabase),
    certificate: async () => {
      const end = certificateEnd();
      if (end === undefined || end > Date.now()) return undefined;
      return `the certificate ended at ${new Date(end).toISOString()}`;
    },
    listening: async () => (isDraining() ? 'the gateway is stopping' : undefined),
    audit: () => checkAudit(sources),
  };
  const read = async (): Promise<ReadinessReport> => {
    const results = await Promise.all(
      Object.entries(checks).map(async ([name, check]) => {
        const message = await check().catch((error: Error) => error.message);
        return [name, message === undefined ? { ok: true } : { ok: false, message }] as const;
      }),
    );
    return {
      ready: results.every(([name, { ok }]) => ok || name === 'audit'),
      checks: Object.fromEntries(results) as ReadinessReport['checks'],
    };
  };
  let known: { report: Promise<ReadinessReport>; at: number } | undefined;
  return {
    read() {
      const now = performance.now();
      if (!known || now - known.at > keptMs) known = { report: read(), at: now };
      return known.report;
    },
  };
}

/** The core looks at its own database and disks. */
async function checkCore(config: Config): Promise<string | undefined> {
  const asked = callControl(dataPaths(config).coreSocket, 'GET', coreStatusPath, undefined, coreLimitMs);
  const status = (await asked) as CoreStatus | undefined;
  if (!status) return 'the core does not run';
  return status.faults.length === 0 ? undefined : status.faults.join('; ');
}

/** The process that writes it does not notice that the file was taken away. */
async function checkAudit({ config, auditFault }: ReadinessSources): Promise<string | undefined> {
  if (config['audit.trail'] === 'off') return undefined;
  const fault = await auditFault();
  if (fault !== undefined) return `the audit trail cannot be written: ${fault}`;
  return checkDatabase(dataPaths(config).auditDatabase);
}

/** Opened anew: a connection that is open goes on reading a file that was removed. */
function checkDatabase(path: string): string | undefined {
  if (!existsSync(path)) return `${path} is not there`;
  try {
    const database = openDatabase(path, { busyTimeoutMs: 500 });
    try {
      database.prepare('SELECT count(*) FROM sqlite_master').get();
    } finally {
      database.close();
    }
    return undefined;
  } catch (error) {
    return `${path} cannot be read: ${(error as Error).message}`;
  }
}
