/**
 * Buffers for what goes through in pieces. A client that has stopped reading holds the one that is being sent, and what
 * TLS made of it, for as long as it likes: so a transfer begins with small ones. Those that have shown that they read
 * share the memory for large ones, which cost less per byte, to equal parts: a few get the best there are, and of a hundred
 * none is slower than the others.
 */
export interface BlobBuffer {
  readonly bytes: Buffer;
}

export const smallBytes = 32 * 1024;
/** Of several transfers larger ones gain nothing, as what TLS makes of a piece leaves the processor's cache. */
export const largeBytes = 512 * 1024;
/** Of a transfer or two by themselves: each piece is a turn of the event loop, and wakes a thread and the client. */
export const largestBytes = 2 * 1024 * 1024;
/** Two of them for each of two transfers. */
const maxLargest = 4;
/** More than the buffers of both kernels take of a client that reads nothing. */
const provenBytes = 8 * 1024 * 1024;
/** What the large buffers in use share. */
const sharedBytes = 8 * 1024 * 1024;
/** Those who come one after the other, and stay, get more together than they share: never more than this. */
const mostBytes = 16 * 1024 * 1024;
/** Transfers that fill a second one meanwhile. Where there are more the processor has enough to do. */
const maxAhead = 8;
/** At rest, of small ones and of large ones. */
const maxPooledBytes = 8 * 1024 * 1024;

const pools = new Map<number, Buffer[]>();
/** Of `largeBytes` all of them. */
const offered = new Map<BlobBuffer, () => boolean>();
let largeInUse = 0;
let largeBytesInUse = 0;

/** Whether a transfer has shown that its client reads. @param sent bytes that it has sent already. */
export function isProven(sent: number): boolean {
  return sent >= provenBytes;
}

/**
 * A large one, for what several transfers send from.
 * @param mayTakeBack whether from what is on offer, if need be.
 * @returns undefined when there is no memory for it.
 */
export function takeLarge(mayTakeBack: boolean): BlobBuffer | undefined {
  const taken = largeBytesInUse + (mayTakeBack ? 0 : offered.size * largeBytes);
  return taken + largeBytes > sharedBytes ? undefined : take(largeBytes);
}

/**
 * Puts a large one at everybody's disposal, whose bytes somebody may still want: it counts for nobody's share.
 * @param onTaken called when its memory is wanted. @returns whether nobody reads from it any more.
 */
export function offer(buffer: BlobBuffer, onTaken: () => boolean): void {
  count(buffer, -1);
  offered.set(buffer, onTaken);
}

/** Somebody does want them. */
export function withdraw(buffer: BlobBuffer): void {
  if (offered.delete(buffer)) count(buffer, 1);
}

/**
 * @param sent bytes that this transfer has sent already.
 * @param kept what it has, to be used again if it fits.
 * @param largest bytes of which it can make use.
 */
export function takeBuffer(sent: number, kept?: BlobBuffer, largest = largeBytes): BlobBuffer {
  const size = isProven(sent) ? shareBytes(kept, largest) : smallBytes;
  if (kept?.bytes.length === size) return kept;
  if (kept) giveBack(kept, true);
  return take(size);
}

function take(size: number): BlobBuffer {
  if (size > smallBytes) takeBackFor(size);
  const buffer = { bytes: pools.get(size)?.pop() ?? Buffer.allocUnsafeSlow(size) };
  count(buffer, 1);
  return buffer;
}

/** What was offered first goes first. */
function takeBackFor(size: number): void {
  for (const [buffer, onTaken] of offered) {
    if (largeBytesInUse + offered.size * largeBytes + size <= sharedBytes) return;
    offered.delete(buffer);
    keep(buffer, onTaken());
  }
}

function count({ bytes: { length } }: BlobBuffer, change: 1 | -1): void {
  if (length <= smallBytes) return;
  largeInUse += change;
  largeBytesInUse += change * length;
}

/** @param isFree false: somebody may still read from it, so it goes to no other transfer. */
export function giveBack(buffer: BlobBuffer, isFree: boolean): void {
  count(buffer, -1);
  keep(buffer, isFree);
}

function keep({ bytes }: BlobBuffer, isFree: boolean): void {
  const size = bytes.length;
  if (!isFree || !makeRoom(size)) return;
  const pool = pools.get(size);
  if (pool) pool.push(bytes);
  else pools.set(size, [bytes]);
}

/** At rest, where need be from large ones of other sizes, which nobody may want for long. @returns whether there is. */
function makeRoom(size: number): boolean {
  const alike = [...pools].filter(([other]) => other > smallBytes === size > smallBytes);
  let pooledBytes = alike.reduce((sum, [other, pool]) => sum + other * pool.length, size);
  for (const [other, pool] of alike) {
    for (; other !== size && pool.length > 0 && pooledBytes > maxPooledBytes; pooledBytes -= other)
      pool.pop();
  }
  return pooledBytes <= maxPooledBytes;
}

/** Whether a transfer that has a large one may take a second. */
export function mayReadAhead(): boolean {
  return largeInUse < 2 * maxAhead;
}

/** The equal part of whoever has, or wants, a large one. */
function shareBytes(kept: BlobBuffer | undefined, largest: number): number {
  const own = kept && kept.bytes.length > smallBytes ? kept.bytes.length : 0;
  const count = own > 0 ? largeInUse : largeInUse + 1;
  const size = equalPart(sharedBytes, count, count > maxLargest ? largeBytes : largest);
  return largeBytesInUse - own + size > mostBytes ? smallBytes : size;
}

/** Of so many bytes for so many: a power of two, no less than a small buffer. */
export function equalPart(bytes: number, count: number, largest: number): number {
  let size = largest;
  while (size > smallBytes && size * count > bytes) size /= 2;
  return size;
}
