import assert from 'node:assert/strict';
import { BlobJournal } from '../../registry-core/blob-journal.ts';
import { factsOf, isLive } from './facts.ts';
import { readAsGateway } from './read-as-gateway.ts';
import type { RealStore } from './real.ts';
import { bit, type RealOperations } from './real-names.ts';
import { blobOf, blobs, type Key, keyText, sessionId } from './universe.ts';

/** What core, collector and gateway do with files. */
export function files({ store, root, reads, write }: RealStore) {
  const size = async (key: Key) => bit((await store.size(keyText(key))) !== undefined);
  const rows = {
    journal: async (after: number, limit: number) => reads.journal(after, limit),
    journalEnd: async () => reads.journalEnd(),
    journaledContent: async (key: string) => reads.journaledContent(key),
    markRestored: async (key: string) => void write('markRestored', key),
    forgetJournaled: async (keys: readonly string[]) => void write('forgetJournaled', keys),
  };
  return {
    'upload.create': async (_, { session }) => {
      await store.createUpload(sessionId(session));
      const file = await store.openUpload(sessionId(session), 0);
      await file.append([blobs[blobOf(session)].bytes]);
      await file.close();
      return 1;
    },
    'upload.rename': async (_, { session, key }) => {
      const renamed = store.commitUpload(sessionId(session), keyText(key)).then(() => 1);
      return renamed.catch((error) => {
        assert.equal(error.code, 'ENOENT');
        return 0;
      });
    },
    'upload.discard': async (_, { session }) => {
      await store.discardUpload(sessionId(session));
      return 1;
    },
    'upload.whole': async (_, { session, key }) =>
      (await store.uploadSize(sessionId(session))) === undefined ? size(key) : 1,
    'file.write': async (_, { key }) => {
      await store.writeBlob(keyText(key), blobs[blobOf(key)].bytes);
      return 1;
    },
    'file.size': (_, { key }) => size(key),
    'file.open': async (state, { key, repository }) => {
      const location = store.locate(keyText(key));
      assert.ok(location.form === 'file');
      const wanted = blobs[blobOf(key)].bytes;
      const bytes = await readAsGateway(root, location.path, wanted.length);
      if (!bytes) return isLive(factsOf(state), repository, blobOf(key)) ? 'gone, but live' : 'gone';
      assert.deepEqual(bytes, wanted);
      return 'bytes';
    },
    'file.remove': async (_, { key }) => bit((await store.remove(keyText(key))) !== undefined),
    'journal.restore': async (_, { session, key }) => {
      const content = reads.journaledContent(keyText(key));
      if (content) await new BlobJournal(rows, store).restore(sessionId(session), keyText(key), content);
      return bit(content);
    },
    'journal.settle': async () => {
      await new BlobJournal(rows, store).settle();
      return 1;
    },
    'gc.remove': async (_, { key }) => bit((await store.remove(keyText(key))) !== undefined),
  } satisfies Partial<RealOperations>;
}
