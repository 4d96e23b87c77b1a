import { OciError } from './errors.ts';

/** Algorithms that Gatehouse can verify, with the length of their hex form (OCI image-spec, descriptor.md). */
const hexLengths = { sha256: 64, sha512: 128 } as const;

export type DigestAlgorithm = keyof typeof hexLengths;

/** `algorithm:hex` in canonical form, checked by `parseDigest`. */
export type Digest = `${DigestAlgorithm}:${string}`;

export const digestAlgorithms = Object.keys(hexLengths) as DigestAlgorithm[];

const grammar = /^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/;

/** @throws OciError DIGEST_INVALID when the text is no digest, or of an algorithm that is not supported. */
export function parseDigest(text: string): Digest {
  if (!grammar.test(text)) {
    throw new OciError('DIGEST_INVALID', {
      message: 'not a digest (want algorithm:hex)',
      detail: { digest: text },
    });
  }
  const algorithm = parseAlgorithm(text.slice(0, text.indexOf(':')));
  const hex = text.slice(algorithm.length + 1);
  if (hex.length !== hexLengths[algorithm] || !/^[0-9a-f]+$/.test(hex)) {
    throw new OciError('DIGEST_INVALID', {
      message: `a ${algorithm} digest has ${hexLengths[algorithm]} lower-case hex digits`,
      detail: { digest: text },
    });
  }
  return text as Digest;
}

/** @throws OciError DIGEST_INVALID with the supported names in `detail`. */
export function parseAlgorithm(name: string): DigestAlgorithm {
  if (Object.hasOwn(hexLengths, name)) return name as DigestAlgorithm;
  throw new OciError('DIGEST_INVALID', {
    message: `digest algorithm not supported (supported: ${digestAlgorithms.join(', ')})`,
    detail: { algorithm: name, supported: digestAlgorithms },
  });
}

export function isDigest(text: string): text is Digest {
  try {
    parseDigest(text);
    return true;
  } catch {
    return false;
  }
}

export function algorithmOf(digest: Digest): DigestAlgorithm {
  return digest.slice(0, digest.indexOf(':')) as DigestAlgorithm;
}

export function hexOf(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1);
}
