import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type ErrorCode, sentCode } from '../../oci/errors.ts';
import { KeptLists } from '../../registry-core/kept-lists.ts';
import { type OpenRegistry, openRegistry } from '../../registry-core/metadata/open.ts';
import type { Registry } from '../../registry-core/metadata/registry.ts';
import { retentionOf } from '../../registry-core/retention.ts';
import { coreSettings, createCoreServer } from '../../registry-core/server.ts';
import { statusReader } from '../../registry-core/status.ts';
import type { BlobStore } from '../../registry-core/storage/blob-store.ts';
import { openBlobStore } from '../../registry-core/storage/open.ts';
import { UploadSessions } from '../../registry-core/upload-session.ts';
import { withBallast } from '../../runtime/ballast.ts';
import { dataPaths, loadConfig } from '../../runtime/config.ts';
import type { Config, ConfigName } from '../../runtime/config-schema.ts';
import { listenOnSocket } from '../../runtime/control.ts';
import { watchDisk } from '../../runtime/disk-watch.ts';
import { drainServer } from '../../runtime/http-drain.ts';
import type { Log } from '../../runtime/log.ts';
import { formatContext, internalHeaders, type RequestContext } from '../../runtime/request-context.ts';
import { type Database, openDatabase } from '../../runtime/sqlite.ts';
import { temporaryDirectory } from '../support/files.ts';
import type { Answer, Target } from '../support/http.ts';
import { collectOutput, endProcess, start } from '../support/processes.ts';
import { onEnd, type Scope } from '../support/scope.ts';

export const somebody: RequestContext = {
  actor: 'alice',
  requestId: 'request-1',
  clientAddress: '192.0.2.7',
  readable: ['**'],
};

type Settings = Partial<Record<ConfigName, string>>;

/** A core in this process. A `Target` by itself: requests go to its socket, in the name of `somebody`. */
export interface TestCore extends Target {
  config: Config;
  registry: Registry;
  store: BlobStore;
  /** Messages logged as errors. A test that provokes some empties it; the rest are failures. */
  errors: string[];
}

export interface CoreOptions {
  settings?: Settings;
  data?: string;
  /** Puts a store with faults of its own before the real one. */
  wrapStore?(store: BlobStore): BlobStore;
  /** The same for the metadata. */
  wrapRegistry?(registry: Registry): Registry;
}

export async function startCore(scope: Scope, options: CoreOptions = {}): Promise<TestCore> {
  const config = await coreConfig(scope, options.data, options.settings);
  const { store, registry } = await openStores(config, options);
  const errors: string[] = [];
  const uploads = new UploadSessions(registry, store, config['uploads.expiry']);
  await uploads.recover();
  const disk = watchDisk({ config, log: logInto(errors), onChange() {} });
  const server = createCoreServer({
    registry,
    store,
    uploads,
    lists: new KeptLists(registry),
    settings: coreSettings(config),
    disk,
    status: statusReader(config, registry, disk),
    log: logInto(errors),
  });
  await listenOnSocket(server, dataPaths(config).coreSocket);
  onEnd(scope, async () => {
    await disk.close();
    await drainServer(server, 2000);
    await registry.close();
    assert.deepEqual(errors, []);
  });
  return { ...targetOf(config), config, registry, store, errors };
}

export async function coreConfig(scope: Scope, data?: string, settings: Settings = {}): Promise<Config> {
  const directory = data ?? (await temporaryDirectory(scope, 'core'));
  mkdirSync(join(directory, 'run'), { recursive: true, mode: 0o700 });
  return loadConfig({ environment: {}, flags: { data: directory, ...settings } }).config;
}

/** The core's two stores without a server, as a crash may leave them. */
export async function openStores(config: Config, { wrapStore, wrapRegistry }: CoreOptions = {}) {
  const store = await openBlobStore(config);
  const options: OpenRegistry = {
    path: dataPaths(config).registryDatabase,
    retention: retentionOf(config),
    makingRoom: (work) => withBallast(dataPaths(config).ballast, work),
    onDeath(error) {
      throw error;
    },
  };
  const registry = openRegistry(options);
  return { store: wrapStore?.(store) ?? store, registry: wrapRegistry?.(registry) ?? registry };
}

const coreMain = fileURLToPath(new URL('../../registry-core/main.ts', import.meta.url));

/** The real core as a process of its own; `kill` is kill -9, and a new one may start on the same data. */
export async function startCoreProcess(scope: Scope, data: string, environment: Record<string, string> = {}) {
  const child = start(process.execPath, [coreMain, '--data', data], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { ...process.env, ...environment },
  });
  const output = collectOutput(child);
  onEnd(scope, () => endProcess(child));
  const gone = once(child, 'exit');
  const [message] = await Promise.race([once(child, 'message'), gone.then(() => [{ type: 'gone' }])]);
  assert.equal(message.type, 'ready', output.stderr());
  const config = await coreConfig(scope, data);
  const stop = () => endProcess(child);
  const kill = () => endProcess(child, { signal: 'SIGKILL' });
  return { ...targetOf(config), config, stop, kill, stderr: output.stderr };
}

function targetOf(config: Config): Target & { socketPath: string } {
  return {
    origin: 'http://core',
    socketPath: dataPaths(config).coreSocket,
    headers: contextHeader(somebody),
  };
}

/** As the gateway sends it: on a connection that is kept, so an early answer does not cut the body off. */
export function contextHeader(context: RequestContext): Record<string, string> {
  return { connection: 'keep-alive', [internalHeaders.context]: formatContext(context) };
}

/** The same core, asked by somebody who may read these repositories; undefined: the gateway said nothing. */
export function readingOnly<T extends Target>(core: T, readable: readonly string[] | undefined): T {
  const { readable: _, ...nobody } = somebody;
  return { ...core, headers: contextHeader(readable ? { ...nobody, readable } : nobody) };
}

/** Rows as they are on disk, and a way to make them what a test needs. */
export function withRows<Result>(config: Config, work: (database: Database) => Result): Result {
  const database = openDatabase(dataPaths(config).registryDatabase);
  try {
    return work(database);
  } finally {
    database.close();
  }
}

export function rowsOf(config: Config, sql: string, ...parameters: unknown[]): Record<string, unknown>[] {
  return withRows(
    config,
    (database) => database.prepare<unknown[]>(sql).all(...parameters) as Record<string, unknown>[],
  );
}

/** An error in the one form that there is: status, code (ours, however it is sent), JSON. @returns its detail. */
// biome-ignore lint/suspicious/noExplicitAny: details have every shape
export function assertError(answer: Answer, status: number, code: string): any {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8');
  assert.equal(answer.json.errors.length, 1);
  const [error] = answer.json.errors;
  assert.equal(error.code, sentCode(code as ErrorCode), answer.text);
  assert.ok(error.message.length > 0);
  if (error.code === code) return error.detail;
  const { condition, ...detail } = error.detail;
  assert.equal(condition, code);
  return detail;
}

/** A store with some of its methods replaced. */
export function replacing<Store extends object>(store: Store, methods: Partial<Store>): Store {
  return new Proxy(store, {
    get(target, name) {
      const value = Reflect.get(methods, name) ?? Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** For what other processes do without telling us. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await condition())) {
    assert.ok(performance.now() < deadline, `never came: ${what}`);
    await delay(5);
  }
}

function logInto(errors: string[]): Log {
  const error: Log['error'] = (message, fields) => {
    errors.push(`${message} ${(fields?.['error'] as Error | undefined)?.stack ?? ''}`);
  };
  return { debug() {}, info() {}, warn() {}, error };
}
