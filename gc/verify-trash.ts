import type { CheckedTrash } from '../registry-core/metadata/verification.ts';
import { giveTurn } from './pace.ts';
import type { VerifyWork } from './verify.ts';

const batch = 200;

/**
 * The files with which runs can be undone: is each there, has it the right size? Their digests are checked by an undo,
 * which reads them. A file is named before it comes and until after it went, so what seems wrong is asked for again at
 * the end.
 */
export async function verifyTrash(work: VerifyWork): Promise<void> {
  const { verification, progress, signal } = work;
  const suspects: CheckedTrash[] = [];
  for (let after = ''; ; ) {
    const files = await verification.reads.trashed(after, batch);
    if (files.length === 0) break;
    after = files.at(-1)!.storageKey;
    for (const file of files) if (await faultOf(work, file)) suspects.push(file);
    progress.advance(files.length);
    await giveTurn(signal);
  }
  for (const file of suspects) await settle(work, file);
}

async function faultOf({ store }: VerifyWork, { storageKey, day, size }: CheckedTrash): Promise<string> {
  try {
    const found = await store.trashedSize(storageKey, day);
    if (found === undefined) return 'missing';
    return found === size ? '' : `${found} bytes instead of ${size}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? (error as Error).message;
  }
}

async function settle(work: VerifyWork, file: CheckedTrash): Promise<void> {
  const { storageKey, digest, day, size, run } = file;
  const fault = (await work.verification.reads.isTrashed(storageKey)) ? await faultOf(work, file) : '';
  if (fault === '') return;
  const finding = { problem: 'trash' as const, what: digest, bytes: size };
  const lost = `undo of run ${run} will not bring it back`;
  if (fault !== 'missing') {
    const message = `${fault}, in the trash of ${day}; ${lost}, and it goes in its time`;
    return work.findings.add({ ...finding, message });
  }
  const message = `not in the trash of ${day}; ${lost}, --repair forgets it`;
  await work.findings.settle({ ...finding, message }, 'repaired', () =>
    work.verification.repairs.forgetTrashed(storageKey),
  );
}
