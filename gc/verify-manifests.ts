import { createHash } from 'node:crypto';
import { algorithmOf, hexOf } from '../oci/digest.ts';
import { type ParsedManifest, parseManifest } from '../oci/manifest.ts';
import type { CheckedManifest } from '../registry-core/metadata/verification.ts';
import { giveTurn } from './pace.ts';
import type { VerifyWork } from './verify.ts';

/** Up to 4 MiB each. */
const batch = 20;

/** Each manifest's bytes against its digest, its rows against its bytes; then what no run would ever look at. */
export async function verifyManifests(work: VerifyWork): Promise<void> {
  const { verification, findings, progress, signal } = work;
  for (let after = 0; ; ) {
    const manifests = await verification.reads.manifests(after, batch);
    if (manifests.length === 0) break;
    for (const manifest of manifests) await verifyManifest(work, manifest);
    after = manifests.at(-1)!.id;
    findings.looked.manifests += manifests.length;
    progress.advance(manifests.length);
    await giveTurn(signal);
  }
  await verifyForgotten(work);
}

async function verifyManifest(work: VerifyWork, manifest: CheckedManifest): Promise<void> {
  const { verification, findings } = work;
  const { id, repository, digest, content, size } = manifest;
  const about = { what: `${repository}@${digest}`, bytes: size };
  if (content === null) {
    const message = 'its bytes are gone; the next push of it brings them back';
    findings.add({ problem: 'damaged', ...about, message });
    return;
  }
  const actual = createHash(algorithmOf(digest)).update(content).digest('hex');
  if (actual !== hexOf(digest)) {
    const message = `the ${content.length} bytes in its row have another digest`;
    return findings.settle({ problem: 'manifest', ...about, message }, 'marked', () =>
      verification.repairs.dropContent(id, digest, content),
    );
  }
  const parsed = parse(content, manifest.mediaType);
  if (parsed instanceof Error) {
    findings.add({ problem: 'manifest', ...about, message: `cannot be read: ${parsed.message}` });
    return;
  }
  const wrong = differences(manifest, parsed);
  if (wrong.length > 0) {
    await findings.settle({ problem: 'references', ...about, message: wrong.join(', ') }, 'repaired', () =>
      verification.repairs.remakeEdges(id, digest, parsed),
    );
  }
  await verifyLinks(work, manifest, parsed.elsewhere);
}

function parse(content: Uint8Array, mediaType: string): ParsedManifest | Error {
  try {
    return parseManifest(content, mediaType);
  } catch (error) {
    return error as Error;
  }
}

function differences(manifest: CheckedManifest, parsed: ParsedManifest): string[] {
  return [
    ...compare('blob', manifest.blobs, parsed.blobs),
    ...compare('manifest', manifest.children, parsed.children),
  ];
}

function compare(noun: string, rows: readonly string[], bytes: readonly string[]): string[] {
  const missing = bytes.filter((digest) => !rows.includes(digest));
  const extra = rows.filter((digest) => !bytes.includes(digest));
  return [
    ...missing.map((digest) => `no row says that it refers to the ${noun} ${digest}`),
    ...extra.map((digest) => `a row says that it refers to the ${noun} ${digest}`),
  ];
}

/**
 * What its rows name is there and may be read. The files of these blobs are looked at apart.
 * @param elsewhere what nobody had to push: a link to it would let the repository read what it was never given.
 */
async function verifyLinks(
  work: VerifyWork,
  manifest: CheckedManifest,
  elsewhere: readonly string[],
): Promise<void> {
  const { verification, findings, sparse } = work;
  const { repository, digest, missing, missingChildren } = manifest;
  for (const child of sparse ? [] : missingChildren) {
    const message = `the index ${digest} lists it, and there is no such manifest; push it again`;
    findings.add({ problem: 'missing', what: `${repository}@${child}`, message, bytes: 0 });
  }
  for (const blob of missing) {
    if (elsewhere.includes(blob.digest)) continue;
    const about = { what: `${repository}@${blob.digest}`, bytes: 0 };
    const needed = `the manifest ${digest} needs it`;
    if (blob.state === null || blob.state === 'condemned') {
      findings.add({
        problem: 'missing',
        ...about,
        message: `${needed}, and there is no such blob; push it again`,
      });
    } else {
      await findings.settle(
        { problem: 'link', ...about, message: `${needed}, and the repository has no link to it` },
        'repaired',
        () => verification.repairs.remakeLink(repository, blob.digest),
      );
    }
  }
}

/** In rounds: what one has put right is not among the next. */
async function verifyForgotten({ verification, findings, repair }: VerifyWork): Promise<void> {
  const limit = 10_000;
  for (;;) {
    const found = await verification.reads.forgotten(limit);
    for (const entry of found) {
      const { kind, repository, digest } = entry;
      await findings.settle(
        {
          problem: 'forgotten',
          what: repository ? `${repository}@${digest}` : digest,
          message: `nothing keeps this ${kind}, and no run would look at it`,
          bytes: 0,
        },
        'repaired',
        () => verification.repairs.remember(entry),
      );
    }
    if (!repair || found.length < limit) return;
  }
}
