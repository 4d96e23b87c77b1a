import { type Digest, parseDigest } from './digest.ts';
import { OciError } from './errors.ts';

/** distribution-spec "Pulling manifests": `<name>`. */
const repositoryGrammar =
  /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const tagGrammar = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

/** Clients limit host + "/" + name to 255 characters (spec, implementers' note); nobody reaches more. */
const maxRepositoryLength = 255;

/** A manifest is named by a tag or by a digest. */
export type Reference = { tag: string } | { digest: Digest };

export function isRepository(name: string): boolean {
  return name.length <= maxRepositoryLength && repositoryGrammar.test(name);
}

/** @throws OciError NAME_INVALID */
export function parseRepository(name: string): string {
  if (isRepository(name)) return name;
  throw new OciError('NAME_INVALID', {
    message:
      'invalid repository name: lower-case letters, digits and single separators (. _ __ -) in parts joined by "/", ' +
      `at most ${maxRepositoryLength} characters`,
    detail: { name: name.slice(0, 2 * maxRepositoryLength) },
  });
}

export function isTag(text: string): boolean {
  return tagGrammar.test(text);
}

/** @throws OciError TAG_INVALID */
export function parseTag(text: string): string {
  if (isTag(text)) return text;
  throw new OciError('TAG_INVALID', {
    message:
      'invalid tag: letters, digits, "_", "." and "-", not starting with "." or "-", at most 128 characters',
    detail: { tag: text.slice(0, 256) },
  });
}

/** @throws OciError TAG_INVALID or DIGEST_INVALID */
export function parseReference(text: string): Reference {
  return text.includes(':') ? { digest: parseDigest(text) } : { tag: parseTag(text) };
}

export function referenceText(reference: Reference): string {
  return 'tag' in reference ? reference.tag : reference.digest;
}
