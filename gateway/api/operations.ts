import { OciError } from '../../oci/errors.ts';
import { decodeSegment } from '../../oci/request-target.ts';
import { auditOperations } from './audit.ts';
import { grantOperations } from './grants.ts';
import { meOperations } from './me.ts';
import type { Operation } from './operation.ts';
import { repositoryOperations } from './repositories.ts';
import { robotOperations } from './robots.ts';
import { teamOperations } from './teams.ts';
import { userOperations } from './users.ts';

export const operations: readonly Operation[] = [
  ...meOperations,
  ...repositoryOperations,
  ...userOperations,
  ...teamOperations,
  ...robotOperations,
  ...grantOperations,
  ...auditOperations,
];

export const apiPrefix = '/api/';
export const documentPath = '/api/v1/openapi.json';

export interface Found {
  operation: Operation;
  /** What stands in the path for each `{name}`, decoded. */
  path: ReadonlyMap<string, string>;
}

/** @throws OciError NOT_FOUND, or UNSUPPORTED (405) with `Allow` */
export function findOperation(method: string, path: string): Found {
  const segments = path.split('/').map(decodeSegment);
  const here = operations.flatMap((operation) => {
    const found = matchPath(operation.path, segments);
    return found ? [{ operation, path: found }] : [];
  });
  if (here.length === 0) throw new OciError('NOT_FOUND', { detail: { path: path.slice(0, 300) } });
  const found = here.find(({ operation }) => operation.method === method);
  if (found) return found;
  const allowed = here.map(({ operation }) => operation.method).join(', ');
  throw new OciError('UNSUPPORTED', {
    message: `method not allowed here (allowed: ${allowed})`,
    headers: { Allow: allowed },
  });
}

function matchPath(template: string, segments: readonly string[]): Map<string, string> | undefined {
  const wanted = template.split('/');
  const values = new Map<string, string>();
  const matches = wanted.every((part, index) => {
    const given = segments[index];
    if (!part.startsWith('{')) return part === given;
    if (given) values.set(part.slice(1, -1), given);
    return given !== undefined && given !== '';
  });
  return matches && wanted.length === segments.length ? values : undefined;
}
