import type { Database } from '../../runtime/sqlite.ts';
import { BlobWrites } from './blob-writes.ts';
import { ManifestWrites } from './manifest-writes.ts';
import { type Pull, recordPulls } from './pulls.ts';
import type { Retention } from './review.ts';
import { SessionWrites } from './session-writes.ts';
import { Statements } from './statements.ts';

/** Every write of the core, by name, as the writer thread runs it. */
export function createWrites(database: Database, retention: Retention) {
  const statements = new Statements(database);
  const blobs = new BlobWrites(statements, retention);
  const sessions = new SessionWrites(statements, retention);
  const manifests = new ManifestWrites(statements, retention);
  return {
    renewLink: blobs.renewLink.bind(blobs),
    markDamaged: blobs.markDamaged.bind(blobs),
    mountBlob: blobs.mountBlob.bind(blobs),
    commitBlob: blobs.commitBlob.bind(blobs),
    commitJournaled: blobs.commitBlob.bind(blobs),
    deleteBlob: blobs.deleteBlob.bind(blobs),
    openSession: sessions.openSession.bind(sessions),
    advanceSession: sessions.advanceSession.bind(sessions),
    closeSession: sessions.closeSession.bind(sessions),
    closeUnrecorded: sessions.closeUnrecorded.bind(sessions),
    cancelSession: sessions.cancelSession.bind(sessions),
    forgetDoomed: sessions.forgetDoomed.bind(sessions),
    markRestored: sessions.markRestored.bind(sessions),
    forgetJournaled: sessions.forgetJournaled.bind(sessions),
    doomStrays: sessions.doomStrays.bind(sessions),
    renewManifest: manifests.renewManifest.bind(manifests),
    putManifest: manifests.putManifest.bind(manifests),
    deleteTag: manifests.deleteTag.bind(manifests),
    deleteManifest: manifests.deleteManifest.bind(manifests),
    recordPulls: (pulls: readonly Pull[]) => recordPulls(statements, pulls),
  };
}

export type Writes = ReturnType<typeof createWrites>;

/**
 * Writes that need not survive power loss by themselves, and are not synced. Whatever is committed after one of them
 * and does survive, it survives with: the log is cut off at its end, never in the middle.
 */
export const unsynced: ReadonlySet<keyof Writes> = new Set<keyof Writes>([
  // A 202 promises no more: the client asks for the offset, or starts anew.
  'openSession',
  'advanceSession',
  // The closing was synced, with the bytes. After power loss the core's start commits again.
  'commitJournaled',
  'forgetJournaled',
]);
