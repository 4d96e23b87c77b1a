import { createHash } from 'node:crypto';
import { algorithmOf, hexOf } from '../oci/digest.ts';
import type { CheckedBlob } from '../registry-core/metadata/verification.ts';
import { giveTurn } from './pace.ts';
import type { VerifyWork } from './verify.ts';
import { type Problem, VerifyRefused } from './verify-findings.ts';

const batch = 200;
/** Files read at the same time: a disk likes some, pushes and pulls go on. */
const concurrency = 2;
/** With fewer the place of the files may well be right, and all of them bad. */
const fewBlobs = 10;

type Fault = { problem: Problem; message: string };

/** Each blob's file: is it there, has it the right size, has it the right digest? */
export async function verifyBlobs(work: VerifyWork): Promise<void> {
  const { verification, findings, progress, signal } = work;
  const faulty: { blob: CheckedBlob; fault: Fault }[] = [];
  for (let after = ''; ; ) {
    const blobs = await verification.reads.blobs(after, batch);
    if (blobs.length === 0) break;
    after = blobs.at(-1)!.digest;
    await inParallel(blobs, async (blob) => {
      const fault = await verifyBlob(work, blob);
      if (fault) faulty.push(fault);
      progress.advance(1);
    });
    findings.looked.blobs += blobs.length;
    await giveTurn(signal);
  }
  refuseEmptyPlace(work, faulty);
  for (const { blob, fault } of faulty) await settle(work, blob, fault);
}

/** A disk that is not mounted is no reason to mark everything as damaged. */
function refuseEmptyPlace({ repair, findings }: VerifyWork, faulty: { fault: Fault }[]): void {
  const total = findings.looked.blobs;
  const missing = faulty.filter(({ fault }) => fault.problem === 'missing').length;
  if (!repair || total <= fewBlobs || missing < total) return;
  throw new VerifyRefused('not one file of a blob is there; is storage.root the right place, and mounted?');
}

/** @returns what is wrong, of the row as it is after it was found: a push or a run may have come between. */
async function verifyBlob(
  work: VerifyWork,
  blob: CheckedBlob,
): Promise<{ blob: CheckedBlob; fault: Fault } | undefined> {
  for (let asked: CheckedBlob | undefined = blob; asked; ) {
    const fault = await faultOf(work, asked);
    if (!fault && asked.state === 'present') return undefined;
    const now = await work.verification.reads.blob(blob.digest);
    if (now?.storageKey === asked.storageKey && now.state === asked.state) {
      return { blob: now, fault: fault ?? { problem: 'recovered', message: 'marked as damaged, but whole' } };
    }
    asked = now;
  }
  return undefined;
}

async function faultOf(work: VerifyWork, blob: CheckedBlob): Promise<Fault | undefined> {
  try {
    const size = await work.store.size(blob.storageKey);
    if (size === undefined) return { problem: 'missing', message: `no file ${blob.storageKey}` };
    if (size !== blob.size) return { problem: 'size', message: `${size} bytes instead of ${blob.size}` };
    // To call a damaged one well takes more than its size.
    if (work.quick && blob.state === 'present') return undefined;
    return await hashFault(work, blob);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return { problem: 'missing', message: `no file ${blob.storageKey}` };
    return { problem: 'unreadable', message: code ?? message };
  }
}

async function hashFault(
  { store, findings, progress, signal }: VerifyWork,
  { digest, size, storageKey }: CheckedBlob,
): Promise<Fault | undefined> {
  const hash = createHash(algorithmOf(digest));
  if (size > 0) {
    for await (const chunk of await store.read(storageKey, 0, size - 1)) {
      signal?.throwIfAborted();
      hash.update(chunk);
      findings.looked.bytesRead += chunk.length;
      progress.advance(0, chunk.length);
    }
  }
  const actual = hash.digest('hex');
  if (actual === hexOf(digest)) return undefined;
  return { problem: 'digest', message: `its bytes have the digest ${algorithmOf(digest)}:${actual}` };
}

async function settle(
  { findings, verification }: VerifyWork,
  blob: CheckedBlob,
  fault: Fault,
): Promise<void> {
  const { digest, size, state } = blob;
  const finding = { ...fault, what: digest, bytes: size };
  if (fault.problem === 'recovered') {
    await findings.settle(finding, 'repaired', () => verification.repairs.markWhole(blob));
  } else if (state === 'damaged') {
    findings.add({
      ...finding,
      problem: 'damaged',
      message: `${fault.message}; the next push of it heals it`,
    });
  } else if (fault.problem === 'unreadable' && !isOfTheFile(fault.message)) {
    findings.add(finding);
  } else {
    await findings.settle(finding, 'marked', () => verification.repairs.markDamaged(blob));
  }
}

/** A right that is missing, or memory, is put right by whoever runs the machine; another push would not help. */
function isOfTheFile(code: string): boolean {
  return ['EIO', 'EISDIR', 'ELOOP', 'ENXIO'].includes(code);
}

async function inParallel<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const rest = items.values();
  const workers = Array.from({ length: concurrency }, async () => {
    for (const item of rest) await work(item);
  });
  await Promise.all(workers);
}
