import { openDatabase, walIndexOf } from '../../runtime/sqlite.ts';
import { Reads } from './reads.ts';
import type { ManifestRow, Promised, Registry } from './registry.ts';
import type { Retention } from './review.ts';
import { migrations } from './schema.ts';
import { TagUse } from './tag-use.ts';
import { startWriter, type Writer } from './writer.ts';

export interface OpenRegistry {
  path: string;
  retention: Retention;
  /** The writer thread died: the process is to end, its supervisor starts a new one. */
  onDeath(error: Error): void;
  /** Around each deletion: on a full disk it may make room for it and try again. */
  makingRoom?<Result>(work: () => Promise<Result>): Promise<Result>;
}

/** Opens the embedded store: SQLite, reads on this thread, writes on one writer thread. */
export function openRegistry({
  path,
  retention,
  onDeath,
  makingRoom = (work) => work(),
}: OpenRegistry): Registry {
  const database = openDatabase(path, { migrations });
  const reads = new Reads(database);
  const writer = startWriter({ path, retention }, onDeath);
  const use = new TagUse(reads, retention, (pulls) => writer.call('recordPulls', pulls));
  // Half a lease is what is promised, so nothing is written while more than that is left.
  const half = retention.leaseMs / 2;
  return {
    version: () => reads.version(),
    witness: walIndexOf(path),
    blob: async (repository, digest) => reads.blob(repository, digest),
    storedBlob: async (digest) => reads.storedBlob(digest),
    async promiseBlob(repository, digest) {
      const row = reads.blob(repository, digest);
      if (row?.state !== 'present' && row?.state !== 'absent') return undefined;
      const now = Date.now();
      if (row.leaseUntil - half > now) return { ...row, renewAt: row.leaseUntil - half };
      return (await writer.call('renewLink', repository, digest))
        ? { ...row, renewAt: now + half }
        : undefined;
    },
    promiseManifest: (repository, reference) => promiseManifest(reads, writer, half, repository, reference),
    markDamaged: (digest, key) => writer.call('markDamaged', digest, key),
    manifest: async (repository, reference) => reads.manifest(repository, reference),
    notePull: (repository, reference, manifest) => use.note(repository, reference, manifest),
    flushPulls: () => use.flush(),
    tagRemoval: async (repository, tag, manifest) => use.tagRemoval(repository, tag, manifest),
    mountBlob: (request, context) => writer.call('mountBlob', request, context),
    deleteBlob: (repository, digest, context) =>
      makingRoom(() => writer.call('deleteBlob', repository, digest, context)),
    openSession: (request, context) => writer.call('openSession', request, context),
    session: async (repository, id) => reads.session(repository, id),
    advanceSession: (id, offset) => writer.call('advanceSession', id, offset),
    closeSession: (...closing) => writer.call('closeSession', ...closing),
    closeUnrecorded: (session, context, closing) => writer.call('closeUnrecorded', session, context, closing),
    commitBlob: (request) => writer.call(request.isJournaled ? 'commitJournaled' : 'commitBlob', request),
    journal: async (after, limit) => reads.journal(after, limit),
    journalEnd: async () => reads.journalEnd(),
    journaledContent: async (key) => reads.journaledContent(key),
    markRestored: (key) => writer.call('markRestored', key),
    forgetJournaled: (keys) => writer.call('forgetJournaled', keys),
    doomStrays: (ids) => writer.call('doomStrays', ids),
    cancelSession: (id) => makingRoom(() => writer.call('cancelSession', id)),
    closingSessions: async () => reads.closingSessions(),
    countSessions: async () => reads.countSessions(),
    forgetDoomed: (kind, key) => writer.call('forgetDoomed', kind, key),
    putManifest: (request, context) => writer.call('putManifest', request, context),
    deleteTag: (repository, tag, context, condition) =>
      makingRoom(() => writer.call('deleteTag', repository, tag, context, condition)),
    deleteManifest: (repository, digest, context, condition) =>
      makingRoom(() => writer.call('deleteManifest', repository, digest, context, condition)),
    repositoryExists: async (repository) => reads.repositoryExists(repository),
    tags: async (repository, page) => reads.tags(repository, page),
    search: async (readable, text, limit) => reads.search(readable, text, limit),
    catalog: async (readable, page) => reads.catalog(readable, page),
    referrers: async (repository, subject, request) => reads.referrers(repository, subject, request),
    async close() {
      await use.flush();
      await writer.close();
      database.close();
    },
  };
}

/** A tag may move between the read and the renewal; then it is read again. */
async function promiseManifest(
  reads: Reads,
  writer: Writer,
  half: number,
  repository: string,
  reference: Parameters<Registry['promiseManifest']>[1],
): Promise<(ManifestRow & Promised) | undefined> {
  for (let attempt = 0; attempt < 3; attempt++) {
    const row = reads.manifest(repository, reference);
    if (!row) return undefined;
    const now = Date.now();
    if (row.leaseUntil - half > now) return { ...row, renewAt: row.leaseUntil - half };
    if (await writer.call('renewManifest', repository, row.digest)) return { ...row, renewAt: now + half };
    if ('digest' in reference) return undefined;
  }
  return undefined;
}
