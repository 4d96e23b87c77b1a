import type { StoredFile } from '../registry-core/storage/blob-store.ts';
import { giveTurn } from './pace.ts';
import type { VerifyWork } from './verify.ts';

const batch = 500;

type OwnFile = Exclude<StoredFile, { place: 'foreign' }>;

/**
 * Files that no row names. The files are listed first and their names looked for afterwards, since a row always comes
 * before its file; one that has none by then is asked about once more at the end.
 */
export async function verifyFiles(work: VerifyWork): Promise<void> {
  const { store, findings, progress, signal } = work;
  const suspects: OwnFile[] = [];
  let listed: OwnFile[] = [];
  const look = async () => {
    suspects.push(...(await unnamed(work, listed)));
    progress.advance(listed.length);
    listed = [];
    await giveTurn(signal);
  };
  for await (const file of store.list()) {
    findings.looked.files++;
    if (file.place === 'foreign') {
      const { path, error, size } = file;
      const message = error ?? 'no file of Gatehouse; left alone';
      findings.add({ problem: error ? 'unreadable' : 'foreign', what: path, message, bytes: size });
    } else listed.push(file);
    if (listed.length >= batch) await look();
  }
  await look();
  for (const file of await unnamed(work, suspects)) {
    if (await isThere(work, file)) await settle(work, file);
  }
}

async function unnamed(
  { verification, minAgeMs }: VerifyWork,
  files: readonly OwnFile[],
): Promise<OwnFile[]> {
  const now = Date.now();
  const old = files.filter(({ changedAt }) => now - changedAt >= minAgeMs);
  return old.length === 0 ? [] : await verification.reads.unnamed(old);
}

/** What loses its last name is removed before, and may have been listed just then. */
async function isThere({ store }: VerifyWork, file: OwnFile): Promise<boolean> {
  if (file.place === 'trash') return true;
  const size = file.place === 'blob' ? store.size(file.key) : store.uploadSize(file.id);
  return (await size) !== undefined;
}

async function settle({ findings, verification, store }: VerifyWork, file: OwnFile): Promise<void> {
  const finding = { problem: 'unnamed' as const, what: nameOf(file), bytes: file.size };
  if (file.place === 'trash') {
    // Nothing comes into the trash before its row, and nothing there is ever named again.
    return findings.settle(
      { ...finding, message: 'no row names it; removed by --repair' },
      'repaired',
      async () => {
        await store.removeTrashed(file.key, file.day);
        return true;
      },
    );
  }
  const message = 'no row names it; --repair has the next run remove it';
  await findings.settle({ ...finding, message }, 'repaired', () => verification.repairs.doomUnnamed(file));
}

function nameOf(file: OwnFile): string {
  if (file.place === 'upload') return `uploads/${file.id}`;
  return file.place === 'blob' ? `blobs/${file.key}` : `trash of ${file.day}: ${file.key}`;
}
