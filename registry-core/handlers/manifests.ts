import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { algorithmOf, type Digest } from '../../oci/digest.ts';
import type { Endpoint } from '../../oci/endpoints.ts';
import { OciError } from '../../oci/errors.ts';
import { maxManifestBytes, parseManifest } from '../../oci/manifest.ts';
import { type Reference, referenceText } from '../../oci/reference.ts';
import type { Registry } from '../metadata/registry.ts';
import type { Core, Exchange } from '../server.ts';
import { contentHeaders, matchesEtag, sendDeleted } from './responses.ts';

type ManifestEndpoint = Endpoint & { kind: 'manifest' };

/** `/v2/<name>/manifests/<tag-or-digest>` (spec end-3, end-7, end-9). */
export function handleManifest(core: Core, endpoint: ManifestEndpoint, exchange: Exchange): Promise<void> {
  switch (endpoint.method) {
    case 'GET':
    case 'HEAD':
      return getManifest(core, endpoint, exchange);
    case 'PUT':
      return putManifest(core, endpoint, exchange);
    case 'DELETE':
      return deleteManifest(core, endpoint, exchange);
  }
}

/** The bytes as they were pushed, whatever `Accept` says: a converted manifest would have another digest. */
async function getManifest(
  { registry }: Core,
  { repository, reference }: ManifestEndpoint,
  { request, response }: Exchange,
): Promise<void> {
  const manifest = await findManifest(registry, request.method, repository, reference);
  if (!manifest) {
    throw new OciError('MANIFEST_UNKNOWN', {
      detail: { name: repository, reference: referenceText(reference) },
    });
  }
  const etag = `"${manifest.digest}"`;
  const validators = { 'Docker-Content-Digest': manifest.digest, ETag: etag };
  if (matchesEtag(request.headers['if-none-match'], etag)) {
    response.writeHead(304, validators).end();
    return;
  }
  response.writeHead(200, {
    ...contentHeaders,
    ...validators,
    'Content-Type': manifest.mediaType,
    'Content-Length': manifest.size,
  });
  response.end(request.method === 'HEAD' ? undefined : manifest.content);
}

/** A pull goes on where a full disk lets no lease be written; a HEAD, which promises that, fails. */
function findManifest(
  registry: Registry,
  method: string | undefined,
  repository: string,
  reference: Reference,
) {
  return registry.promiseManifest(repository, reference).catch((error) => {
    const isFull = ['SQLITE_FULL', 'ENOSPC'].includes((error as NodeJS.ErrnoException).code ?? '');
    if (isFull && method === 'GET') return registry.manifest(repository, reference);
    throw error;
  });
}

async function putManifest(
  { registry }: Core,
  { repository, reference, tags }: ManifestEndpoint,
  { request, response, context }: Exchange,
): Promise<void> {
  if ('tag' in reference && tags.length > 0) {
    throw new OciError('PARAMETER_INVALID', {
      message: 'the parameter tag goes with a manifest pushed by digest',
    });
  }
  const content = await readManifest(request);
  const wanted = 'digest' in reference ? reference.digest : undefined;
  const algorithm = wanted ? algorithmOf(wanted) : 'sha256';
  const digest: Digest = `${algorithm}:${createHash(algorithm).update(content).digest('hex')}`;
  if (wanted && wanted !== digest) {
    throw new OciError('DIGEST_INVALID', {
      message: 'the manifest’s bytes do not have the digest of the URL',
      detail: { digest: wanted, received: digest, bytes: content.length },
    });
  }
  const manifest = parseManifest(content, request.headers['content-type']);
  const names = 'tag' in reference ? [reference.tag] : tags;
  await registry.putManifest({ repository, digest, content, manifest, tags: names }, context);
  response.writeHead(201, {
    Location: `/v2/${repository}/manifests/${digest}`,
    'Docker-Content-Digest': digest,
    'Content-Length': 0,
    ...(manifest.subject ? { 'OCI-Subject': manifest.subject } : {}),
    ...(tags.length > 0 ? { 'OCI-Tag': tags.join(', ') } : {}),
  });
  response.end();
}

/** Whoever sends too much gets the answer at once; the server goes on reading and drops the rest. */
async function readManifest(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxManifestBytes) {
      throw new OciError('SIZE_INVALID', {
        status: 413,
        message: `a manifest may have at most ${maxManifestBytes} bytes`,
        detail: { maxManifestBytes },
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function deleteManifest(
  { registry }: Core,
  { repository, reference }: ManifestEndpoint,
  { response, context }: Exchange,
): Promise<void> {
  const held =
    'tag' in reference
      ? await registry.deleteTag(repository, reference.tag, context)
      : await registry.deleteManifest(repository, reference.digest, context);
  sendDeleted(response, held);
}
