import { context, type RealStore, unitMs } from './real.ts';
import { collecting, environment } from './real-collector.ts';
import { files } from './real-files.ts';
import { bit, digestOf, doomedText, nameOfKey, nameOfSession, type RealOperations } from './real-names.ts';
import { blobOf, blobs, keyText, manifests, sessionId, sessions } from './universe.ts';

/** Each operation as core, collector and gateway carry it out. */
export function realHandlers(real: RealStore): RealOperations {
  return {
    ...coreReads(real),
    ...blobWrites(real),
    ...sessionWrites(real),
    ...manifestWrites(real),
    ...files(real),
    ...collecting(real),
    ...environment(real),
  };
}

/** A lease of which more than half is left is not renewed. */
const freshness = (leaseUntil: number) => (leaseUntil - Date.now() > unitMs ? 'fresh' : 'stale');

function coreReads({ reads }: RealStore) {
  return {
    'blob.read': (_, { repository, blob }) => {
      const row = reads.blob(repository, blobs[blob].digest);
      if (row?.state !== 'present') return '';
      return `${nameOfKey(row.storageKey)} ${freshness(row.leaseUntil)}`;
    },
    'blob.stored': (_, { blob }) => nameOfKey(reads.storedBlob(blobs[blob].digest)?.storageKey ?? '.'),
    'manifest.read': (_, { repository, manifest }) => {
      const row = reads.manifest(repository, { digest: manifests[manifest].digest });
      return row ? freshness(row.leaseUntil) : '';
    },
    'session.read': (_, { session }) => bit(reads.session(sessions[session].repository, sessionId(session))),
    'session.closing': () =>
      reads
        .closingSessions()
        .map(({ id }) => nameOfSession(id))
        .sort()
        .join(','),
  } satisfies Partial<RealOperations>;
}

function blobWrites({ write }: RealStore) {
  return {
    'link.renew': (_, { repository, blob }) =>
      bit(write('renewLink', repository, blobs[blob].digest)?.result),
    'blob.damaged': (_, { key }) => bit(write('markDamaged', digestOf(key), keyText(key))?.result),
    'blob.mount': (_, { repository, blob, from }) => {
      const mount = { repository, digest: blobs[blob].digest, from, readable: [] };
      return bit(write('mountBlob', mount, context)?.result);
    },
    'blob.delete': (_, { repository, blob }) =>
      bit(write('deleteBlob', repository, blobs[blob].digest, context)),
    'blob.commit': (_, { session, key, broken }) => {
      const committed = write('commitBlob', {
        session: sessionId(session),
        digest: digestOf(session),
        size: blobs[blobOf(session)].bytes.length,
        key: keyText(key),
        brokenKey: broken === '' ? undefined : keyText(broken),
      });
      return committed ? nameOfKey(committed.result.displaced ?? '.') : 0;
    },
  } satisfies Partial<RealOperations>;
}

function sessionWrites({ write }: RealStore) {
  return {
    'session.open': (_, { session }) => {
      const { repository } = sessions[session];
      return bit(write('openSession', { id: sessionId(session), repository, algorithm: 'sha256' }, context));
    },
    'session.close': (_, { session, key }) => {
      const size = blobs[blobOf(session)].bytes.length;
      return bit(write('closeSession', sessionId(session), digestOf(session), keyText(key), size)?.result);
    },
    'session.closeUnrecorded': (_, { session, key }) => {
      const { repository } = sessions[session];
      const { bytes } = blobs[blobOf(session)];
      const opened = { id: sessionId(session), repository, algorithm: 'sha256' } as const;
      const closing = [opened.id, digestOf(session), keyText(key), bytes.length, bytes] as const;
      return bit(write('closeUnrecorded', opened, context, [...closing]));
    },
    'session.cancel': (_, { session }) => bit(write('cancelSession', sessionId(session))?.result),
    'doomed.forget': (_, { kind, name }) => bit(write('forgetDoomed', kind, doomedText(kind, name))),
  } satisfies Partial<RealOperations>;
}

function manifestWrites({ write }: RealStore) {
  return {
    'manifest.renew': (_, { repository, manifest }) =>
      bit(write('renewManifest', repository, manifests[manifest].digest)?.result),
    'manifest.put': (_, { repository, manifest, tag }) => {
      const tags = tag === '' ? [] : [tag];
      return bit(write('putManifest', { repository, ...manifests[manifest], tags }, context));
    },
    'manifest.delete': (_, { repository, manifest }) =>
      bit(write('deleteManifest', repository, manifests[manifest].digest, context)),
    'tag.delete': (_, { repository, tag }) => bit(write('deleteTag', repository, tag, context)),
  } satisfies Partial<RealOperations>;
}
