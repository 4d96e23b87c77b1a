import type { Server } from 'node:http';
import { join } from 'node:path';
import type { Report } from '../../gc/report.ts';
import { collect } from '../../gc/run.ts';
import { OciError } from '../../oci/errors.ts';
import { KeptLists } from '../../registry-core/kept-lists.ts';
import { type Collection, openCollection } from '../../registry-core/metadata/collection.ts';
import type { Registry } from '../../registry-core/metadata/registry.ts';
import { retentionOf } from '../../registry-core/retention.ts';
import { coreSettings, createCoreServer } from '../../registry-core/server.ts';
import { statusReader } from '../../registry-core/status.ts';
import type { BlobStore } from '../../registry-core/storage/blob-store.ts';
import { UploadSessions } from '../../registry-core/upload-session.ts';
import { dataPaths } from '../../runtime/config.ts';
import { listenOnSocket } from '../../runtime/control.ts';
import { watchDisk } from '../../runtime/disk-watch.ts';
import { type Database, openDatabase } from '../../runtime/sqlite.ts';
import { ageRows, hour, sha256 } from '../gc/support.ts';
import { contextHeader, coreConfig, openStores, replacing, somebody } from '../registry-core/support.ts';
import type { Target } from '../support/http.ts';
import { onEnd, type Scope } from '../support/scope.ts';
import { memoryDirectory } from './memory-directory.ts';
import { Truth } from './truth.ts';
import type { Gate } from './turns.ts';
import { manifestNames, manifests } from './universe.ts';

const registryCalls = [
  'blob',
  'promiseBlob',
  'storedBlob',
  'markDamaged',
  'mountBlob',
  'deleteBlob',
  'openSession',
  'session',
  'advanceSession',
  'closeSession',
  'closeUnrecorded',
  'commitBlob',
  'cancelSession',
  'closingSessions',
  'journal',
  'journalEnd',
  'journaledContent',
  'markRestored',
  'forgetJournaled',
  'doomStrays',
  'forgetDoomed',
  'promiseManifest',
  'putManifest',
  'deleteTag',
  'deleteManifest',
] as const satisfies (keyof Registry)[];

const storeCalls = [
  'createUpload',
  'openUpload',
  'uploadSize',
  'commitUpload',
  'placeUpload',
  'writeBlob',
  'makeDurable',
  'uploadIds',
  'discardUpload',
  'size',
  'remove',
] as const satisfies (keyof BlobStore)[];

const collectionCalls = [
  'expireSessions',
  'mark',
  'condemned',
  'forgetCondemned',
  'doomedKeys',
  'forgetDoomed',
] as const satisfies (keyof Collection)[];

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const leaseHours = 24;

/** What the parts of the product have in common: the data directory and the stores on it. */
async function openParts(scope: Scope) {
  const settings = { 'gc.untagged': '0s', 'gc.lease': `${leaseHours}h` };
  const config = await coreConfig(scope, await memoryDirectory(scope), settings);
  const { store, registry } = await openStores(config);
  onEnd(scope, () => registry.close());
  const path = dataPaths(config).registryDatabase;
  const collection = openCollection(path, retentionOf(config));
  onEnd(scope, () => collection.close());
  const database = openDatabase(path);
  onEnd(scope, () => database.close());
  const disk = watchDisk({ config, log: quiet, onChange() {} });
  onEnd(scope, () => disk.close());
  return { config, store, registry, collection, database, disk, truth: new Truth() };
}

type Parts = Awaited<ReturnType<typeof openParts>>;

/**
 * The product in one process, each part of it stopping at a gate before every call into a store.
 * @param beforeMark takes a rule away, to show that its absence is noticed.
 */
export async function openStage(scope: Scope, beforeMark: (database: Database) => void = () => {}) {
  const parts = await openParts(scope);
  const { database, truth } = parts;
  return {
    ...parts,
    ...cores(scope, parts),
    collect: collections(parts, beforeMark),
    /** Half a lease passes. */
    tick(): void {
      truth.ticks++;
      ageRows(database, (leaseHours / 2) * hour);
    },
  };
}

function cores(scope: Scope, { config, registry, store, disk, truth }: Parts) {
  const told = replacing(registry, tellers(registry, truth));
  const uploadsOf = (gate: Gate) => {
    const gated = { registry: gate.stop(told, registryCalls), store: gate.stop(store, storeCalls) };
    return { ...gated, uploads: new UploadSessions(gated.registry, gated.store, config['uploads.expiry']) };
  };
  const servers: Server[] = [];
  let started = 0;
  /** The core dies with all its connections. */
  const killServers = () => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  };
  onEnd(scope, killServers);
  return {
    killServers,
    /** The core's real server, for one client. */
    async serve(gate: Gate): Promise<Target> {
      const server = createCoreServer({
        ...uploadsOf(gate),
        lists: new KeptLists(registry),
        settings: coreSettings(config),
        disk,
        status: statusReader(config, registry, disk),
        log: quiet,
      });
      const socketPath = join(config.data, 'run', `${++started}.sock`);
      await listenOnSocket(server, socketPath);
      servers.push(server);
      return { origin: 'http://core', socketPath, headers: contextHeader(somebody) };
    },
    /** A small blob that comes as the gateway's messages do: each body as a whole. */
    async pushSmall(gate: Gate, repository: string, bytes: Uint8Array): Promise<void> {
      const { uploads } = uploadsOf(gate);
      const { id } = await uploads.openWaiting(repository, 'sha256', somebody);
      await uploads.append(repository, id, bytes, () => undefined);
      await uploads.finish(repository, id, sha256(bytes), undefined, () => undefined);
    },
    /** What a core does now and then: files of small blobs are made durable. */
    settle: (gate: Gate): Promise<void> => uploadsOf(gate).uploads.settle(),
    /** What a core does at its start, after it was killed. */
    async recover(gate: Gate): Promise<void> {
      const failures = await uploadsOf(gate).uploads.recover();
      // A session may expire while it is being finished.
      for (const failure of failures) if (!(failure instanceof OciError)) throw failure;
    },
  };
}

/** Whole runs of the collector. */
function collections({ collection, store, database }: Parts, beforeMark: (database: Database) => void) {
  const slowly = replacing(collection, {
    mark() {
      beforeMark(database);
      // As few entries in a transaction as it can, however busy the machine is.
      return collection.mark(0);
    },
  });
  return (gate: Gate): Promise<Report> =>
    collect({
      collection: gate.stop(slowly, collectionCalls),
      store: gate.stop(store, storeCalls),
      clock: { bootId: 'test', wallMs: Date.now(), bootMs: performance.now() },
      eventsRetentionMs: hour,
    });
}

/** What a client is told is true from the moment that the store has it. */
function tellers(registry: Registry, truth: Truth): Partial<Registry> {
  return {
    async putManifest(request, context) {
      await registry.putManifest(request, context);
      for (const tag of request.tags) truth.tagged(request.repository, tag, manifestOf(request.digest));
    },
    async deleteTag(repository, tag, ...more) {
      const held = await registry.deleteTag(repository, tag, ...more);
      truth.untagged(repository, tag);
      return held;
    },
    async deleteManifest(repository, digest, ...more) {
      const held = await registry.deleteManifest(repository, digest, ...more);
      truth.deleted(repository, manifestOf(digest));
      return held;
    },
  };
}

const manifestOf = (digest: string) => manifestNames.find((name) => manifests[name].digest === digest)!;

export type Stage = Awaited<ReturnType<typeof openStage>>;

/** Lets everything through at once. */
export const openGate: Gate = { call: (_, run) => run(), stop: (target) => target };
