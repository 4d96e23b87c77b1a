import { openCollection } from '../registry-core/metadata/collection.ts';
import { retentionOf } from '../registry-core/retention.ts';
import { openBlobStore } from '../registry-core/storage/open.ts';
import { dataPaths } from '../runtime/config.ts';
import type { Config } from '../runtime/config-schema.ts';
import { CoreUnreachable, connectCore } from './core-client.ts';
import { planUndo, undo } from './undo.ts';
import type { UndoReport } from './undo-report.ts';

export type { UndoReport } from './undo-report.ts';

/** An undo that cannot begin, or go on. */
export class UndoRefused extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'UndoRefused';
  }
}

/**
 * Brings back what a run removed, through the core of this data directory; `dryRun` says what there is.
 * @throws UndoRefused when there was no such run, or the core does not run.
 */
export async function undoRun(config: Config, run: number, { dryRun = false } = {}): Promise<UndoReport> {
  const paths = dataPaths(config);
  const collection = openCollection(paths.registryDatabase, retentionOf(config));
  const context = { actor: 'gc', requestId: `undo-${run}`, clientAddress: '-', readable: ['**'] };
  const core = connectCore(paths.coreSocket, context);
  try {
    const places = { collection, core, store: await openBlobStore(config) };
    const report = await (dryRun ? planUndo(places, run) : undo(places, run));
    if (!report)
      throw new UndoRefused(`there was no run ${run}; \`gatehouse gc history\` shows those there were`);
    return report;
  } catch (error) {
    if (!(error instanceof CoreUnreachable)) throw error;
    throw new UndoRefused(
      'the registry does not run on this data directory, or stopped just now. Bringing back is a push: start it (gatehouse up), then do this again; what is back already stays',
      error,
    );
  } finally {
    core.close();
    await collection.close();
  }
}
