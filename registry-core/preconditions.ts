import type { IncomingHttpHeaders } from 'node:http';
import { OciError } from '../oci/errors.ts';

/** `If-Match` and `If-None-Match` of a request, as they came (RFC 9110 sections 13.1.1 and 13.1.2). */
export interface Precondition {
  ifMatch: string | undefined;
  ifNoneMatch: string | undefined;
}

export function preconditionOf(headers: IncomingHttpHeaders): Precondition {
  return { ifMatch: headers['if-match'], ifNoneMatch: headers['if-none-match'] };
}

/**
 * Before a change; to be called where nothing can come between.
 * @param etag of what the request is about; undefined when there is nothing.
 * @throws OciError MANIFEST_INVALID (412)
 */
export function demandPrecondition(condition: Precondition | undefined, etag: string | undefined): void {
  if (condition === undefined) return;
  demandMatch(condition.ifMatch, etag);
  if (etag !== undefined && matchesEtag(condition.ifNoneMatch, etag)) failed('If-None-Match', etag);
}

/** @throws OciError MANIFEST_INVALID (412) when `If-Match` is there and does not name the entity, strongly compared. */
export function demandMatch(ifMatch: string | undefined, etag: string | undefined): void {
  if (ifMatch === undefined) return;
  if (etag === undefined || !entriesOf(ifMatch).some((entry) => ['*', etag].includes(entry))) {
    failed('If-Match', etag);
  }
}

/** Whether `If-None-Match` names the entity, weakly compared. */
export function matchesEtag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return entriesOf(header).some((entry) => ['*', etag].includes(entry.replace(/^W\//, '')));
}

/** An entity tag of ours has neither comma nor space in it. */
function entriesOf(header: string): string[] {
  return header.split(',').map((entry) => entry.trim());
}

function failed(header: string, etag: string | undefined): never {
  throw new OciError('MANIFEST_INVALID', {
    status: 412,
    message: `what is there now does not meet the ${header} of the request; nothing was changed`,
    detail: { etag: etag ?? null },
  });
}
