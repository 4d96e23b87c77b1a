import { type Endpoint, formatEndpoint } from '../../oci/endpoints.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import type { Answer } from '../answer.ts';
import type { ReferrerRow } from '../metadata/registry.ts';
import type { Core } from '../server.ts';
import { jsonTextAnswer, nextLink, pageRequest } from './responses.ts';

/** An index must stay readable as a manifest: its descriptors may carry large annotations. */
const maxPageBytes = 4 * 1024 * 1024;
const defaultPage = 1000;

/** `GET /v2/<name>/referrers/<digest>` (spec end-12): an index of descriptors, empty rather than 404. */
export async function handleReferrers(
  { registry }: Core,
  endpoint: Endpoint & { kind: 'referrers' },
): Promise<Answer> {
  const { repository, digest, artifactType } = endpoint;
  const { size: limit, last } = pageRequest(endpoint, defaultPage);
  const request = { limit, last, artifactType, maxBytes: maxPageBytes };
  const { referrers, more } = await registry.referrers(repository, digest, request);
  const next = { ...endpoint, last: referrers.at(-1)?.digest ?? '' };
  const body = `{"schemaVersion":2,"mediaType":"${mediaTypes.ociIndex}","manifests":[${referrers.map(descriptor).join()}]}`;
  return jsonTextAnswer(200, body, {
    'Content-Type': mediaTypes.ociIndex,
    ...(artifactType === undefined ? {} : { 'OCI-Filters-Applied': 'artifactType' }),
    ...(more && referrers.length > 0 ? nextLink(formatEndpoint(next)) : {}),
  });
}

/** The descriptor as JSON; stored annotations are JSON already, perhaps megabytes of it. */
function descriptor({ mediaType, size, digest, artifactType, annotations }: ReferrerRow): string {
  const fields = JSON.stringify({
    mediaType,
    size,
    digest,
    ...(artifactType === null ? {} : { artifactType }),
  });
  return annotations === null ? fields : `${fields.slice(0, -1)},"annotations":${annotations}}`;
}
