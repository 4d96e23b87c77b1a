import type { AuditEntry } from '../../runtime/audit-entry.ts';
import { dataPaths } from '../../runtime/config.ts';
import type { Config } from '../../runtime/config-schema.ts';
import type { Log } from '../../runtime/log.ts';
import { singleBatch } from './batch.ts';
import { EntryQueue, type QueueState } from './queue.ts';
import { takeUpSpool } from './spool.ts';
import { startWriter } from './writer.ts';

/** The audit trail as requests see it. */
export interface AuditRecorder {
  /** Never waits and never throws; the entry is in audit.db within a second. */
  record(entry: AuditEntry): void;
  /** Resolves when the entry is in audit.db; the very same one is not written again. @throws Error when it cannot be. */
  commit(entry: AuditEntry): Promise<void>;
  /** @param credential kind and id: `personal-token:17` */
  used(credential: string, address: string): void;
}

/** The audit trail as the gateway writes it. */
export interface AuditTrail extends AuditRecorder {
  status(): AuditStatus | null;
  /** The file of JSON lines may have been renamed. */
  reopen(): Promise<void>;
  close(): Promise<void>;
}

export interface AuditStatus extends QueueState {
  /** Why the file of JSON lines could not be written last; null when it could. */
  linesError: string | null;
}

/** Trouble that passes: the server starts all the same, and writes as soon as it can. */
const passing = /^(SQLITE_FULL|SQLITE_IOERR|SQLITE_BUSY|SQLITE_CANTOPEN|ENOSPC|EDQUOT)/;
const spoolEveryMs = 60_000;

/** @throws Error when audit.db is damaged, or of a newer Gatehouse. */
export async function openAuditTrail(config: Config, log: Log): Promise<AuditTrail> {
  if (config['audit.trail'] === 'off') return silentTrail;
  const linesPath = config['audit.json_lines'];
  let linesError: string | null = null;
  const writer = startWriter(
    {
      path: dataPaths(config).auditDatabase,
      linesPath: linesPath === 'log' ? '' : linesPath,
      retentionMs: config['audit.retention'],
      maxBytes: config['audit.max_size'],
    },
    (message) => {
      if (linesError === null) log.error('the file of audit lines cannot be written', { linesPath, message });
      linesError = message;
    },
  );
  try {
    await writer.open();
  } catch (error) {
    if (!passing.test((error as NodeJS.ErrnoException).code ?? '')) {
      await writer.close();
      throw error;
    }
    log.error('audit.db cannot be opened; the server works without it meanwhile', { error });
  }
  const queue = new EntryQueue(writer.write, (state) => tell(log, state));
  const spool = () => takeUpSpool(config, writer.write, log);
  await spool();
  const timer = setInterval(() => void spool(), spoolEveryMs).unref();
  return {
    record(entry) {
      queue.add(entry);
      if (linesPath === 'log') log.info('audit', { ...entry });
    },
    commit: (entry) => writer.write(singleBatch(entry)),
    used: (credential, address) => queue.use({ credential, at: Date.now(), address }),
    status: () => ({ ...queue.state(), linesError }),
    async reopen() {
      linesError = null;
      await writer.reopenLines();
    },
    async close() {
      clearInterval(timer);
      await queue.close();
      await writer.close();
    },
  };
}

function tell(log: Log, { error, waiting, dropped }: QueueState): void {
  if (error === null) log.warn('the audit trail is written again', { waiting, dropped });
  else log.error('the audit trail cannot be written; requests go on', { error, waiting, dropped });
}

/** `audit.trail: off` */
const silentTrail: AuditTrail = {
  record: () => {},
  commit: async () => {},
  used: () => {},
  status: () => null,
  reopen: async () => {},
  close: async () => {},
};
