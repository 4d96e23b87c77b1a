import type { Digest } from '../../oci/digest.ts';
import { parseManifest } from '../../oci/manifest.ts';
import { image, index, sha256, subject } from '../gc/support.ts';

/** The small world in which every order is tried: things have short names here, and real bytes in the store. */
export type Repository = 'a' | 'b';
export type Blob = 'x' | 'y';
/** Upload sessions, each named as the key that its file gets: of the pusher, the mounter, the undo, the signer. */
export type Session = 'p' | 'm' | 'u' | 's';
/** Storage keys: `k0` is the one that the blob has at the start. */
export type Key = Session | 'k0';

export const repositories: readonly Repository[] = ['a', 'b'];

export const blobs = { x: content('x'), y: content('y') };

export const sessions: Record<Session, { repository: Repository; blob: Blob }> = {
  p: { repository: 'a', blob: 'x' },
  m: { repository: 'b', blob: 'x' },
  u: { repository: 'a', blob: 'x' },
  s: { repository: 'a', blob: 'y' },
};

export const blobOf = (key: Key): Blob => (key === 'k0' ? 'x' : sessions[key].blob);

/** The key as the store knows it; also the order in which the collector meets doomed ones. */
export function keyText(key: Key): string {
  const hex = blobs[blobOf(key)].digest.slice('sha256:'.length);
  return `sha256/${hex.slice(0, 2)}/${hex}.${key}`;
}

const sessionNumbers: Record<Session, number> = { m: 1, p: 2, s: 3, u: 4 };
export const sessionId = (session: Session): string =>
  `00000000-0000-4000-8000-00000000000${sessionNumbers[session]}`;

function content(name: string): { bytes: Buffer; digest: Digest } {
  const bytes = Buffer.alloc(64, name);
  return { bytes, digest: sha256(bytes) };
}

export function manifest(body: object) {
  const bytes = Buffer.from(JSON.stringify(body));
  return { content: bytes, digest: sha256(bytes), manifest: parseManifest(bytes, undefined) };
}

const child = manifest(image(blobs.x.digest, []));
/** A child, the index that has it at the start, the one that comes, an image of another repository, a referrer. */
export const manifests = {
  c: child,
  i0: manifest(index([child.digest])),
  i1: manifest(index([child.digest], { annotations: { number: '1' } })),
  m: manifest(image(blobs.x.digest, [], { annotations: { number: '2' } })),
  r: manifest(image(blobs.y.digest, [], subject(child.digest))),
};
export type Manifest = keyof typeof manifests;

/** What the manifests refer to, by name. */
export const contents: Record<Manifest, { blobs: Blob[]; children: Manifest[]; subject?: Manifest }> = {
  c: { blobs: ['x'], children: [] },
  i0: { blobs: [], children: ['c'] },
  i1: { blobs: [], children: ['c'] },
  m: { blobs: ['x'], children: [] },
  r: { blobs: ['y'], children: [], subject: 'c' },
};

export const manifestNames = Object.keys(contents) as Manifest[];
