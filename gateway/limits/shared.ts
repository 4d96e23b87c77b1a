import { join } from 'node:path';
import { dataPaths } from '../../runtime/config.ts';
import type { Config } from '../../runtime/config-schema.ts';
import type { ControlHandlers } from '../../runtime/control.ts';
import type { Log } from '../../runtime/log.ts';
import type { Hub } from '../workers/channel.ts';
import { LoginLock } from './login-lock.ts';
import { serveLogins } from './logins.ts';
import { MemoryCounters } from './memory-counters.ts';
import { type LimitsQuestion, reportLimits, resetLimits } from './report.ts';
import { serveCounters } from './shared-counters.ts';
import { readSnapshot, writeSnapshot } from './snapshot.ts';

/** What the limits have once, for all workers. */
export interface SharedLimits {
  control: ControlHandlers;
  close(): Promise<void>;
}

const snapshotEveryMs = 60_000;

export async function openSharedLimits(config: Config, log: Log, hub: Hub): Promise<SharedLimits> {
  const counters = new MemoryCounters();
  const lock = new LoginLock({
    pair: config['limits.failed_logins'],
    account: config['limits.account_failed_logins'],
  });
  const path = join(dataPaths(config).run, 'limits.json');
  await readSnapshot(path, counters, log);
  serveCounters(hub, counters);
  serveLogins(hub, lock, counters, config['limits.address_failed_logins']);
  const save = () => writeSnapshot(path, counters, log);
  const timer = setInterval(() => void save(), snapshotEveryMs).unref();
  return {
    control: {
      'POST /limits': (input) =>
        reportLimits(config['limits.mode'], counters, lock, (input ?? {}) as LimitsQuestion),
      'POST /limits/reset': (input) => resetLimits(counters, lock, (input ?? {}) as LimitsQuestion),
    },
    async close() {
      clearInterval(timer);
      await save();
    },
  };
}
