import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import { readClock } from '../../gc/clock.ts';
import { collect } from '../../gc/run.ts';
import { type Collection, openCollection } from '../../registry-core/metadata/collection.ts';
import { retentionOf } from '../../registry-core/retention.ts';
import type { BlobStore } from '../../registry-core/storage/blob-store.ts';
import { openBlobStore } from '../../registry-core/storage/open.ts';
import { dataPaths } from '../../runtime/config.ts';
import type { Config } from '../../runtime/config-schema.ts';
import { callControl } from '../../runtime/control.ts';
import { type Database, openDatabase } from '../../runtime/sqlite.ts';
import { entryPath } from '../../supervisor/entries.ts';
import { ageRows, hour } from '../gc/support.ts';
import { coreConfig, replacing, startCoreProcess } from '../registry-core/support.ts';
import { temporaryDirectory } from '../support/files.ts';
import type { Target } from '../support/http.ts';
import { endProcess, start } from '../support/processes.ts';
import { onEnd, type Scope } from '../support/scope.ts';
import type { Moment } from './histories-steps.ts';

/** As under the supervisor: a process starts in a quarter of the time. */
const cacheIn = ({ data }: Config) => ({ NODE_COMPILE_CACHE: join(data, 'cache') });
const quiet = { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] as ('ignore' | 'ipc')[] };

/** The real thing: a core in a process of its own, the collector beside it, one data directory. */
export class World {
  readonly #scope: Scope;
  readonly config: Config;
  readonly database: Database;
  readonly #collection: Collection;
  readonly #store: BlobStore;
  #core: Awaited<ReturnType<typeof startCoreProcess>>;
  #isArmed = false;

  private constructor(
    scope: Scope,
    config: Config,
    store: BlobStore,
    core: Awaited<ReturnType<typeof startCoreProcess>>,
  ) {
    this.#scope = scope;
    this.config = config;
    this.#store = store;
    this.#core = core;
    const path = dataPaths(config).registryDatabase;
    this.database = openDatabase(path);
    onEnd(scope, () => this.database.close());
    this.#collection = openCollection(path, retentionOf(config));
    onEnd(scope, () => this.#collection.close());
  }

  static async start(scope: Scope): Promise<World> {
    const config = await coreConfig(scope, await temporaryDirectory(scope, 'history'));
    const core = await startCoreProcess(scope, config.data, cacheIn(config));
    return new World(scope, config, await openBlobStore(config), core);
  }

  get target(): Target {
    return this.#core;
  }

  /** Whether the core may die by itself. */
  get isArmed(): boolean {
    return this.#isArmed;
  }

  /** kill -9, and a new core; with a fault it dies there, if it comes there: at its start, too, and is started again. */
  async restart(fault?: string): Promise<void> {
    await this.#core.kill();
    const armed =
      fault === undefined ? undefined : await this.#start({ GATEHOUSE_FAULT: fault }).catch(() => undefined);
    this.#core = armed ?? (await this.#start());
    this.#isArmed = armed !== undefined;
  }

  #start(environment: Record<string, string> = {}): ReturnType<typeof startCoreProcess> {
    return startCoreProcess(this.#scope, this.config.data, { ...cacheIn(this.config), ...environment });
  }

  age(hours: number): void {
    ageRows(this.database, hours * hour);
  }

  /** One run, in this process. @param amid is called once, at that moment of the run. */
  async collect(moment?: Moment, amid?: () => Promise<void>): Promise<void> {
    let isOver = false;
    const at = async (now: Moment) => {
      if (now !== moment || isOver) return;
      isOver = true;
      await amid!();
    };
    const collection = replacing(this.#collection, {
      expireSessions: async () => {
        const expired = await this.#collection.expireSessions();
        if (expired === 0) await at('expired');
        return expired;
      },
      condemned: async (after, limit) => {
        await at('marked');
        return this.#collection.condemned(after, limit);
      },
      forgetCondemned: async (blobs) => {
        await at('removed');
        return this.#collection.forgetCondemned(blobs);
      },
    });
    const run = { collection, store: this.#store, eventsRetentionMs: 30 * 24 * hour };
    const report = await collect({ ...run, clock: readClock() });
    assert.deepEqual([report.errors, report.clock_suspect], [[], false]);
    // Nothing was condemned, so nothing was removed.
    if (amid && !isOver) await amid();
  }

  /** A run of the real collector process, which dies at the point, if it comes there. */
  async collectInProcess(fault: string): Promise<void> {
    const child = start(process.execPath, [entryPath('gc'), '--data', this.config.data], {
      ...quiet,
      env: { ...process.env, ...cacheIn(this.config), GATEHOUSE_GC_SCHEDULE: 'off', GATEHOUSE_FAULT: fault },
    });
    onEnd(this.#scope, () => endProcess(child, { signal: 'SIGKILL' }));
    const [message] = await once(child, 'message');
    assert.equal(message.type, 'ready');
    await callControl(dataPaths(this.config).collectorSocket, 'POST', '/run').catch(() => {});
    await endProcess(child, { signal: 'SIGKILL' });
  }

  get blobDirectory(): string {
    return join(this.config['storage.root'], 'blobs');
  }

  get uploadDirectory(): string {
    return join(this.config['storage.root'], 'uploads');
  }
}
