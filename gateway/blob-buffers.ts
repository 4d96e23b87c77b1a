/**
 * Buffers for sending files. A client that has stopped reading holds the one that is being sent, and what TLS made of it,
 * for as long as it likes: so a transfer begins with small ones, and large ones, which cost less per byte, are for those
 * that have shown that they read, and there are only so many of them.
 */
export interface BlobBuffer {
  bytes: Buffer;
  isLarge: boolean;
}

export const smallBytes = 32 * 1024;
export const largeBytes = 256 * 1024;
/** More than the buffers of both kernels take of a client that reads nothing. */
const provenBytes = 8 * 1024 * 1024;
/** In use at a time; 16 MiB in all. */
const maxLarge = 64;
/** Transfers that fill a second one. Where there are more of them the processor has enough to do meanwhile. */
const maxAhead = 8;
/** At rest. */
const maxPooledSmall = 256;

const large: Buffer[] = [];
const small: Buffer[] = [];
let largeInUse = 0;
let ahead = 0;

/** @param sent bytes that this transfer has sent already. @param kept what it has, to be used again if it fits. */
export function takeBuffer(sent: number, kept?: BlobBuffer): BlobBuffer {
  if (kept?.isLarge || (kept && (sent < provenBytes || largeInUse >= maxLarge))) return kept;
  if (kept) giveBack(kept, true);
  if (sent < provenBytes || largeInUse >= maxLarge) {
    return { bytes: small.pop() ?? Buffer.allocUnsafeSlow(smallBytes), isLarge: false };
  }
  largeInUse++;
  return { bytes: large.pop() ?? Buffer.allocUnsafeSlow(largeBytes), isLarge: true };
}

/** @param isFree false: somebody may still read from it, so it goes to no other transfer. */
export function giveBack({ bytes, isLarge }: BlobBuffer, isFree: boolean): void {
  if (isLarge) largeInUse--;
  if (!isFree) return;
  if (isLarge) large.push(bytes);
  else if (small.length < maxPooledSmall) small.push(bytes);
}

/** @returns whether this transfer may have a second buffer, until `endReadingAhead`. */
export function beginReadingAhead(): boolean {
  if (ahead >= maxAhead) return false;
  ahead++;
  return true;
}

export function endReadingAhead(): void {
  ahead--;
}
