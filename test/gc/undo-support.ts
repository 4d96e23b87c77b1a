import { type CoreClient, connectCore } from '../../gc/core-client.ts';
import { collect } from '../../gc/run.ts';
import { undo } from '../../gc/undo.ts';
import { openCollection } from '../../registry-core/metadata/collection.ts';
import { retentionOf } from '../../registry-core/retention.ts';
import { dataPaths } from '../../runtime/config.ts';
import type { ConfigName } from '../../runtime/config-schema.ts';
import { openDatabase } from '../../runtime/sqlite.ts';
import { startCore } from '../registry-core/support.ts';
import { onEnd, type Scope } from '../support/scope.ts';
import { ageRows, hour } from './support.ts';

export const day = 24 * hour;
const undoer = { actor: 'gc', requestId: 'undo', clientAddress: '-', readable: ['**'] };

/** A core that answers on its socket, with a trash, and the collector's face of the same files. */
export async function startWithTrash(
  t: Scope,
  settings: Partial<Record<ConfigName, string>> = {},
  data?: string,
) {
  const core = await startCore(t, {
    settings: { 'gc.trash': '24h', ...settings },
    ...(data === undefined ? {} : { data }),
  });
  const { config, store } = core;
  const paths = dataPaths(config);
  const collection = openCollection(paths.registryDatabase, retentionOf(config));
  onEnd(t, () => collection.close());
  const database = openDatabase(paths.registryDatabase);
  onEnd(t, () => database.close());
  const client = connectCore(paths.coreSocket, undoer);
  onEnd(t, () => client.close());
  return {
    core,
    config,
    collection,
    database,
    client,
    age: (ms: number) => ageRows(database, ms),
    collect: () =>
      collect({
        collection,
        store,
        clock: { bootId: 'test', wallMs: Date.now(), bootMs: 0 },
        eventsRetentionMs: 30 * day,
      }),
    /** @param through the way to the core, where a test wants another one. */
    undo: async (run: number | null, through: CoreClient = client) =>
      (await undo({ core: through, collection, store }, run!))!,
    rows: (sql: string) => database.prepare(sql).all() as Record<string, unknown>[],
  };
}

export type WithTrash = Awaited<ReturnType<typeof startWithTrash>>;
