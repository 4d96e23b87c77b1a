import type { Digest, DigestAlgorithm } from '../../oci/digest.ts';
import type { ParsedManifest } from '../../oci/manifest.ts';
import type { Reference } from '../../oci/reference.ts';
import type { Witness } from '../../runtime/read-messages.ts';
import type { RequestContext } from '../../runtime/request-context.ts';
import type { Precondition } from '../preconditions.ts';
import type { JournalEntry } from './journal.ts';

/**
 * The metadata store as the handlers see it; `collection.ts` is the collector's face of the same store. Every
 * method is one whole transaction, and what it returned survives power loss, but for the offsets of open uploads. Time
 * is the store's.
 */
export interface Registry {
  /** Another value after every change, whoever made it: what was read under an older one may no longer be true. */
  version(): number;
  /** Tells of the same changes, in other processes too; undefined where the store has no such file. */
  readonly witness: Witness | undefined;
  /** A blob that this repository may read, for GET. No promise is made. */
  blob(repository: string, digest: Digest): Promise<BlobRow | undefined>;
  /** For HEAD: the answer is a promise, so the lease is renewed with it. */
  promiseBlob(repository: string, digest: Digest): Promise<(BlobRow & Promised) | undefined>;
  /** Key under which a blob's bytes are, whichever repository links to it. */
  storedBlob(digest: Digest): Promise<BlobRow | undefined>;
  /**
   * The bytes under the key were found not to be whole. References stay; the next push of the digest heals it.
   * @returns false when the key is not the blob any more.
   */
  markDamaged(digest: Digest, key: string): Promise<boolean>;
  /** Links a blob of `from`, or of any repository covered by `readable`, to another repository. */
  mountBlob(request: MountRequest, context: RequestContext): Promise<boolean>;
  /** Removes this repository's link. @throws OciError BLOB_UNKNOWN, UNSUPPORTED while a manifest refers to it. */
  deleteBlob(repository: string, digest: Digest, context: RequestContext): Promise<Held>;

  openSession(request: OpenSession, context: RequestContext): Promise<void>;
  session(repository: string, id: string): Promise<SessionRow | undefined>;
  /** Records the offset and renews the session. @returns false when the session is gone or being closed. */
  advanceSession(id: string, offset: number): Promise<boolean>;
  /** open → closing, a compare-and-set that decides which of two final PUTs wins. */
  closeSession(...closing: Closing): Promise<boolean>;
  /** Both at once for a session of which nothing was recorded. */
  closeUnrecorded(session: OpenSession, context: RequestContext, closing: Closing): Promise<void>;
  /**
   * Makes the bytes under the session's closing key the blob. Those of a journaled one survive power loss as a session
   * that is closing. @returns a key that is to be removed.
   */
  commitBlob(request: CommitBlob): Promise<{ displaced: string | undefined }>;
  /** Removes a session that no client will finish. @returns false when it is gone already. */
  cancelSession(id: string): Promise<boolean>;
  /** Sessions that a crash left between closing and commit. */
  closingSessions(): Promise<SessionRow[]>;
  /** How many upload sessions there are, forgotten ones that have not expired included. */
  countSessions(): Promise<number>;
  /** Small blobs whose files may not survive power loss, in the order of their closing. */
  journal(after: number, limit: number): Promise<JournalEntry[]>;
  /** The newest of them; 0 when there is none. */
  journalEnd(): Promise<number>;
  journaledContent(key: string): Promise<Uint8Array | undefined>;
  /** The file of this key was made anew from the journal: a blob that was found damaged is whole. */
  markRestored(key: string): Promise<void>;
  /** To be called when their files survive power loss, or are not needed. */
  forgetJournaled(keys: readonly string[]): Promise<void>;
  /** Dooms those of these files of uploads that no session has (any more). */
  doomStrays(ids: readonly string[]): Promise<void>;
  /** Forgets doomed files after they were removed. */
  forgetDoomed(kind: 'blob' | 'upload', key: string): Promise<void>;

  /** A manifest as it stands, when no promise can be made (a full disk). */
  manifest(repository: string, reference: Reference): Promise<ManifestRow | undefined>;
  /** For GET and HEAD, both promises: renews the manifest's lease. */
  promiseManifest(repository: string, reference: Reference): Promise<(ManifestRow & Promised) | undefined>;
  /** Notes a GET, in memory; it is written within a minute, together with others. A crash loses it. */
  notePull(repository: string, reference: Reference, manifest: ManifestRow): void;
  /** Writes down the pulls that were noted. */
  flushPulls(): Promise<void>;
  /**
   * Whether a policy removes the tag within a week; undefined when that is further away, or never. As it was a minute
   * ago at most, where it depends on other tags (`keep_last`).
   */
  tagRemoval(repository: string, tag: string, manifest: ManifestRow): Promise<TagEnd | undefined>;
  /**
   * @returns a descriptor whose size is not that of what is stored.
   * @throws OciError MANIFEST_BLOB_UNKNOWN with every missing digest in `detail`, DENIED for a protected tag.
   */
  putManifest(request: PutManifest, context: RequestContext): Promise<WrongSize | undefined>;
  /** @throws OciError MANIFEST_UNKNOWN, DENIED when it is protected. */
  deleteTag(
    repository: string,
    tag: string,
    context: RequestContext,
    condition?: Precondition,
  ): Promise<Held>;
  /** @throws OciError MANIFEST_UNKNOWN, UNSUPPORTED while an index lists it, DENIED while a protected tag names it. */
  deleteManifest(
    repository: string,
    digest: Digest,
    context: RequestContext,
    condition?: Precondition,
  ): Promise<Held>;

  /** Whether there is anything in the repository. */
  repositoryExists(repository: string): Promise<boolean>;
  tags(repository: string, page: PageRequest): Promise<string[]>;
  catalog(readable: readonly string[], page: PageRequest): Promise<string[]>;
  /** Those of the catalog whose name has the text in it, the one that is the text first. */
  search(readable: readonly string[], text: string, limit: number): Promise<string[]>;
  referrers(repository: string, subject: Digest, page: ReferrersRequest): Promise<ReferrersPage>;

  close(): Promise<void>;
}

export interface BlobRow {
  digest: Digest;
  size: number;
  state: 'present' | 'absent' | 'damaged' | 'condemned';
  storageKey: string;
}

/** Comes with an answer that is a promise. */
export interface Promised {
  /** Until then it may be given again without a renewal of the lease. Milliseconds since 1970. */
  renewAt: number;
}

export interface MountRequest {
  repository: string;
  digest: Digest;
  from: string | undefined;
  readable: readonly string[];
}

export interface OpenSession {
  id: string;
  repository: string;
  algorithm: DigestAlgorithm;
}

export interface SessionRow {
  id: string;
  repository: string;
  state: 'open' | 'closing';
  algorithm: DigestAlgorithm;
  offset: number;
  closingDigest: Digest | null;
  closingKey: string | null;
  /** Who started it. */
  actor: string;
}

/** `content`: all bytes of a small upload, to survive power loss with the closing. */
export type Closing = [id: string, digest: Digest, key: string, offset: number, content?: Uint8Array];

export interface CommitBlob {
  session: string;
  digest: Digest;
  size: number;
  key: string;
  /** The key that the blob had, when the file under it was seen not to be whole. Any other is kept. */
  brokenKey: string | undefined;
  /** Its bytes are in the journal. */
  isJournaled?: boolean;
}

export interface ManifestRow {
  digest: Digest;
  mediaType: string;
  size: number;
  content: Uint8Array;
  /** Last push and last pull of what it was asked for by, a tag or its digest, and last pull by digest. */
  updatedAt: number;
  pulledAt: number;
  manifestPulledAt: number;
}

/** A tag's end by a policy. */
export interface TagEnd {
  /** Unless it is used before. Undefined: with the next collection, whoever uses it. */
  at: number | undefined;
}

/** Of a descriptor: what it says, and what is stored, in bytes. */
export interface WrongSize {
  digest: Digest;
  size: number;
  stored: number;
}

export interface PutManifest {
  repository: string;
  digest: Digest;
  content: Uint8Array;
  manifest: ParsedManifest;
  /** Of the manifest's children those that must be in the repository. Absent: all. */
  needed?: readonly Digest[];
  /** What its descriptors say, in bytes; one of them that is wrong about what the repository has is refused. */
  sizes?: readonly { digest: Digest; size: number }[];
  /** What must be true of the reference that is pushed to. */
  condition?: Precondition & { reference: Reference };
  tags: readonly string[];
}

/** What a deletion left waiting for leases, and the earliest time at which a run may take some of it. */
export interface Held {
  heldBytes: number;
  nextDue: number | undefined;
}

/** At most `limit` entries after `last`, in ASCII order. */
export interface PageRequest {
  limit: number;
  last: string | undefined;
}

export interface ReferrersRequest extends PageRequest {
  artifactType: string | undefined;
  /** Of annotations in one page. */
  maxBytes: number;
}

export interface ReferrersPage {
  referrers: ReferrerRow[];
  /** Whether there are further ones. */
  more: boolean;
}

export interface ReferrerRow {
  digest: Digest;
  mediaType: string;
  size: number;
  artifactType: string | null;
  annotations: string | null;
}
