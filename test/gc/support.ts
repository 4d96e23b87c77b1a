import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { collect, type Run } from '../../gc/run.ts';
import type { Digest } from '../../oci/digest.ts';
import { parseManifest } from '../../oci/manifest.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import type { Reference } from '../../oci/reference.ts';
import type { ClockReading } from '../../registry-core/metadata/clock.ts';
import { openCollection } from '../../registry-core/metadata/collection.ts';
import { openRegistry } from '../../registry-core/metadata/open.ts';
import type { Registry } from '../../registry-core/metadata/registry.ts';
import { FilesystemStore } from '../../registry-core/storage/filesystem.ts';
import { UploadSessions } from '../../registry-core/upload-session.ts';
import { readPolicies } from '../../runtime/retention-policies.ts';
import { type Database, openDatabase } from '../../runtime/sqlite.ts';
import { temporaryDirectory } from '../support/files.ts';
import { onEnd, type Scope } from '../support/scope.ts';

export const hour = 3_600_000;
const leaseMs = 24 * hour;
const untaggedMs = 7 * 24 * hour;

const tester = { actor: 'tester', requestId: 'test', clientAddress: '127.0.0.1' };
const boot: ClockReading = { bootId: 'test', wallMs: Date.now(), bootMs: 0 };

export function sha256(bytes: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** Core and collector on one data directory, each with a connection of its own, as the two processes have. */
export async function openStores(t: Scope, { trashMs = 0, policies = '' } = {}) {
  const root = await temporaryDirectory(t);
  const path = join(root, 'registry.db');
  const retention = {
    leaseMs,
    graceMs: 0,
    untaggedMs,
    uploadExpiryMs: leaseMs,
    trashMs,
    policies: readPolicies(policies).policies,
  };
  const store = await FilesystemStore.open(root);
  const registry = openRegistry({
    path,
    retention,
    onDeath: (error) => {
      throw error;
    },
  });
  onEnd(t, () => registry.close());
  const collection = openCollection(path, retention);
  onEnd(t, () => collection.close());
  const database = openDatabase(path);
  onEnd(t, () => database.close());
  const uploads = new UploadSessions(registry, store, leaseMs);
  return {
    root,
    path,
    retention,
    store,
    registry,
    collection,
    database,
    uploads,
    ...pushing({ registry, uploads }),
    age: (ms: number) => ageRows(database, ms),
    collect: (clock = boot, more: Partial<Run> = {}) =>
      collect({ collection, store, clock, eventsRetentionMs: 30 * 24 * hour, ...more }),
    readable: async (repository: string, digest: Digest): Promise<boolean> => {
      const row = await registry.blob(repository, digest);
      if (row?.state !== 'present') return false;
      return (await store.size(row.storageKey)) === row.size;
    },
  };
}

/** Lets time pass: every time in the database moves into the past. */
export function ageRows(database: Database, ms: number): void {
  database.exec(`
    BEGIN IMMEDIATE;
    UPDATE links SET lease_until = lease_until - ${ms};
    UPDATE manifests SET lease_until = lease_until - ${ms}, unheld_since = max(0, unheld_since - ${ms});
    UPDATE manifests SET pushed_at = pushed_at - ${ms}, pulled_at = max(0, pulled_at - ${ms});
    UPDATE tags SET updated_at = updated_at - ${ms}, pulled_at = max(0, pulled_at - ${ms});
    UPDATE review SET due_at = due_at - ${ms};
    UPDATE upload_sessions SET expires_at = expires_at - ${ms};
    UPDATE events SET at = at - ${ms};
    UPDATE trashed_blobs SET trashed_at = trashed_at - ${ms};
    UPDATE trashed_manifests SET trashed_at = trashed_at - ${ms};
    UPDATE trashed_links SET trashed_at = trashed_at - ${ms};
    UPDATE trashed_tags SET trashed_at = trashed_at - ${ms};
    COMMIT`);
}

export type Stores = Awaited<ReturnType<typeof openStores>>;

function pushing({ registry, uploads }: { registry: Registry; uploads: UploadSessions }) {
  return {
    context: tester,
    async pushBlob(repository: string, bytes: Uint8Array = randomBytes(64)): Promise<Digest> {
      const digest = sha256(bytes);
      const { id } = await uploads.open(repository, 'sha256', tester);
      await uploads.finish(repository, id, digest, Readable.from([bytes]), () => {});
      return digest;
    },
    async putManifest(repository: string, body: object, ...tags: string[]): Promise<Digest> {
      const content = Buffer.from(JSON.stringify(body));
      const manifest = parseManifest(content, undefined);
      const digest = sha256(content);
      await registry.putManifest({ repository, digest, content, manifest, tags }, tester);
      return digest;
    },
    mount: (repository: string, digest: Digest, from: string) =>
      registry.mountBlob({ repository, digest, from, readable: [] }, tester),
    /** The HEAD of a client that skips what it is told exists. */
    headBlob: async (repository: string, digest: Digest) =>
      (await registry.promiseBlob(repository, digest)) !== undefined,
    /** A pull, which the core has written down already. */
    async pull(repository: string, reference: Reference) {
      const manifest = await registry.promiseManifest(repository, reference);
      registry.notePull(repository, reference, manifest!);
      await registry.flushPulls();
    },
    headManifest: async (repository: string, digest: Digest) =>
      (await registry.promiseManifest(repository, { digest })) !== undefined,
    deleteManifest: (repository: string, digest: Digest) =>
      registry.deleteManifest(repository, digest, tester),
  };
}

const descriptor = (digest: Digest, mediaType: string) => ({ mediaType, digest, size: 64 });

export function image(config: Digest, layers: Digest[], more: object = {}) {
  return {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: descriptor(config, 'application/vnd.oci.image.config.v1+json'),
    layers: layers.map((digest) => descriptor(digest, 'application/vnd.oci.image.layer.v1.tar+gzip')),
    ...more,
  };
}

export function index(children: Digest[], more: object = {}) {
  const manifests = children.map((digest) => descriptor(digest, mediaTypes.ociManifest));
  return { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests, ...more };
}

export function subject(digest: Digest) {
  return { subject: descriptor(digest, mediaTypes.ociManifest) };
}

/** Wall and boot clock, `hours` later by each. */
export function clockAfter(wallHours: number, bootHours: number): ClockReading {
  return { bootId: 'test', wallMs: boot.wallMs + wallHours * hour, bootMs: bootHours * hour };
}
