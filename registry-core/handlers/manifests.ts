import { createHash } from 'node:crypto';
import { algorithmOf, type Digest } from '../../oci/digest.ts';
import type { Endpoint } from '../../oci/endpoints.ts';
import { OciError } from '../../oci/errors.ts';
import { parseManifest } from '../../oci/manifest.ts';
import { type Reference, referenceText } from '../../oci/reference.ts';
import { neededChildren } from '../../oci/sparse-index.ts';
import { formatWarning } from '../../oci/warning.ts';
import type { Answer, Question, Submission } from '../answer.ts';
import { checkEmbeddedData } from '../embedded-data.ts';
import { readManifest } from '../manifest-body.ts';
import type { ManifestRow, Promised, Registry, WrongSize } from '../metadata/registry.ts';
import { demandMatch, matchesEtag, preconditionOf } from '../preconditions.ts';
import type { Core } from '../server.ts';
import { contentHeaders, deletedAnswer } from './responses.ts';

/** Pulls are noted, and warnings are due, that much later at most. */
const keepManifestMs = 10_000;

type ManifestEndpoint = Endpoint & { kind: 'manifest' };

/** `/v2/<name>/manifests/<tag-or-digest>` (spec end-3, end-7, end-9). */
export function handleManifest(
  core: Core,
  endpoint: ManifestEndpoint,
  submission: Submission,
): Promise<Answer> {
  switch (endpoint.method) {
    case 'GET':
    case 'HEAD':
      return getManifest(core, endpoint, submission);
    case 'PUT':
      return putManifest(core, endpoint, submission);
    case 'DELETE':
      return deleteManifest(core, endpoint, submission);
  }
}

/** The bytes as they were pushed, whatever `Accept` says: a converted manifest would have another digest. */
async function getManifest(
  { registry }: Core,
  { repository, reference }: ManifestEndpoint,
  { method, headers }: Question,
): Promise<Answer> {
  const manifest = await findManifest(registry, method, repository, reference);
  if (!manifest) {
    throw new OciError('MANIFEST_UNKNOWN', {
      detail: { name: repository, reference: referenceText(reference) },
    });
  }
  const etag = `"${manifest.digest}"`;
  const validators = { 'Docker-Content-Digest': manifest.digest, ETag: etag };
  demandMatch(headers['if-match'], etag);
  // Engines that have the image already ask for the tag by HEAD and for nothing else: it is in use.
  if (method === 'GET' || 'tag' in reference) registry.notePull(repository, reference, manifest);
  const warning =
    'tag' in reference ? await removalWarning(registry, repository, reference.tag, manifest) : {};
  if (matchesEtag(headers['if-none-match'], etag))
    return { status: 304, headers: { ...validators, ...warning } };
  return {
    status: 200,
    headers: { ...contentHeaders, ...validators, ...warning, 'Content-Type': manifest.mediaType },
    body: manifest.content,
    keepMs: Math.min(keepManifestMs, manifest.renewAt - Date.now()),
  };
}

/** Who looks at a tag that a policy is about to remove can still do something: use it, or push it again. */
async function removalWarning(
  registry: Registry,
  repository: string,
  tag: string,
  manifest: ManifestRow,
): Promise<{ Warning?: string }> {
  const end = await registry.tagRemoval(repository, tag, manifest);
  if (!end) return {};
  const when =
    end.at === undefined
      ? 'with the next collection, since newer tags were pushed, unless it is pushed again'
      : `at ${new Date(end.at).toISOString()} unless it is pulled or pushed before`;
  return { Warning: formatWarning(`retention removes tag ${tag} of ${repository} ${when}`) };
}

/** A pull goes on where a full disk lets no lease be written; a HEAD, which promises that, fails. */
function findManifest(registry: Registry, method: string, repository: string, reference: Reference) {
  return registry.promiseManifest(repository, reference).catch((error) => {
    const isFull = ['SQLITE_FULL', 'ENOSPC'].includes((error as NodeJS.ErrnoException).code ?? '');
    if (isFull && method === 'GET') return unpromised(registry, repository, reference);
    throw error;
  });
}

async function unpromised(
  registry: Registry,
  repository: string,
  reference: Reference,
): Promise<(ManifestRow & Promised) | undefined> {
  const manifest = await registry.manifest(repository, reference);
  return manifest && { ...manifest, renewAt: 0 };
}

async function putManifest(
  { registry, settings }: Core,
  { repository, reference, tags }: ManifestEndpoint,
  { headers, body, context }: Submission,
): Promise<Answer> {
  if ('tag' in reference && tags.length > 0) {
    throw new OciError('PARAMETER_INVALID', {
      message: 'the parameter tag goes with a manifest pushed by digest',
    });
  }
  const content = await readManifest(body);
  const wanted = 'digest' in reference ? reference.digest : undefined;
  const algorithm = wanted ? algorithmOf(wanted) : 'sha256';
  const digest: Digest = `${algorithm}:${createHash(algorithm).update(content).digest('hex')}`;
  if (wanted && wanted !== digest) {
    throw new OciError('DIGEST_INVALID', {
      message: 'the manifest’s bytes do not have the digest of the URL',
      detail: { digest: wanted, received: digest, bytes: content.length },
    });
  }
  const { entries, others, ...manifest } = parseManifest(content, headers['content-type']);
  checkEmbeddedData([...others, ...entries]);
  const names = 'tag' in reference ? [reference.tag] : tags;
  const children = new Set(manifest.children);
  const listed = entries.filter((entry) => children.has(entry.digest));
  const needed = neededChildren(listed, settings.sparseIndex);
  const condition = { ...preconditionOf(headers), reference };
  const sizes = [...others, ...entries].map((entry) => ({ digest: entry.digest, size: entry.size }));
  const wrongSize = await registry.putManifest(
    { repository, digest, content, manifest, needed, sizes, condition, tags: names },
    context,
  );
  const answered = {
    Location: `/v2/${repository}/manifests/${digest}`,
    'Docker-Content-Digest': digest,
    ...(manifest.subject ? { 'OCI-Subject': manifest.subject } : {}),
    ...(tags.length > 0 ? { 'OCI-Tag': tags.join(', ') } : {}),
    ...(wrongSize ? { Warning: sizeWarning(wrongSize) } : {}),
  };
  return { status: 201, headers: answered };
}

/** Many clients check the size when they pull, long after the push seemed to have gone well; some never do. */
function sizeWarning({ digest, size, stored }: WrongSize): string {
  return formatWarning(
    `a descriptor says ${size} bytes of ${digest}, which has ${stored}; many clients will refuse to pull it`,
  );
}

async function deleteManifest(
  { registry }: Core,
  { repository, reference }: ManifestEndpoint,
  { headers, context }: Question,
): Promise<Answer> {
  const condition = preconditionOf(headers);
  const held =
    'tag' in reference
      ? await registry.deleteTag(repository, reference.tag, context, condition)
      : await registry.deleteManifest(repository, reference.digest, context, condition);
  return deletedAnswer(held);
}
