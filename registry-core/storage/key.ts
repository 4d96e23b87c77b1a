import { randomBytes } from 'node:crypto';
import { algorithmOf, type Digest, hexOf } from '../../oci/digest.ts';

/** What every driver's keys look like, so that the row of a key is found by its digest: `sha256/ab/<hex>.<id>`. */
export function newKey(digest: Digest): string {
  const hex = hexOf(digest);
  return `${algorithmOf(digest)}/${hex.slice(0, 2)}/${hex}.${randomBytes(10).toString('hex')}`;
}

/** The digest that a key was made for, as it stands in the row that has it. */
export function digestOfKey(key: string): string {
  const [algorithm, , name = ''] = key.split('/');
  return `${algorithm}:${name.split('.')[0]}`;
}
