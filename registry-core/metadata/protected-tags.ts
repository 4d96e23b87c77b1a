import type { Digest } from '../../oci/digest.ts';
import { OciError } from '../../oci/errors.ts';
import type { Reference } from '../../oci/reference.ts';
import { isProtected } from './policies.ts';
import type { Retention } from './review.ts';
import type { Statements } from './statements.ts';

/** @throws OciError DENIED (409) when the tag is protected and names another manifest. */
export function checkMove(
  statements: Statements,
  retention: Retention,
  repository: string,
  tag: string,
  digest: Digest,
): void {
  if (!isProtected(retention, repository, tag)) return;
  const current = statements.get<{ digest: Digest }>(
    'SELECT digest FROM tags WHERE repository_id = (SELECT id FROM repositories WHERE name = ?) AND name = ?',
    repository,
    tag,
  )?.digest;
  if (current === undefined || current === digest) return;
  refuse(`the tag ${tag} is protected: it names another manifest and cannot be moved`, {
    tag,
    digest: current,
  });
}

/** @throws OciError DENIED (409) when the tag is protected, or a protected tag names the manifest. */
export function checkDelete(
  statements: Statements,
  retention: Retention,
  repository: string,
  reference: Reference,
): void {
  const tags = statements.all<{ name: string; digest: Digest }>(
    `SELECT name, digest FROM tags WHERE repository_id = (SELECT id FROM repositories WHERE name = ?)
     AND ${'tag' in reference ? 'name' : 'digest'} = ?`,
    repository,
    'tag' in reference ? reference.tag : reference.digest,
  );
  const found = tags.find(({ name }) => isProtected(retention, repository, name));
  if (!found) return;
  const { name, digest } = found;
  const what = 'tag' in reference ? 'it' : 'the manifest that it names';
  refuse(`the tag ${name} is protected: ${what} cannot be deleted`, { tag: name, digest });
}

/** No rights would help, so 409 rather than 403, which clients take for a login that lacks something. */
function refuse(message: string, detail: { tag: string; digest: Digest }): never {
  throw new OciError('DENIED', { status: 409, message, detail });
}
