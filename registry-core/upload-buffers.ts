import { Buffer } from 'node:buffer';

/**
 * Buffers in which the bodies of uploads are gathered for the disk. Large ones begin on a page, as direct writes want
 * it, and there are only so many: they are for uploads that have shown to be large. A client that stops in the middle
 * of its body holds what it has for as long as the gateway lets it.
 */
export interface UploadBuffer {
  bytes: Buffer;
  isLarge: boolean;
}

export const smallBytes = 64 * 1024;
export const largeBytes = 1024 * 1024;
/** 32 MiB in all, two for each upload. */
const maxLarge = 32;
/** At rest. */
const maxPooledSmall = 128;
const provenBytes = 1024 * 1024;

const large: Buffer[] = [];
const small: Buffer[] = [];
let largeMade = 0;

/** @param received bytes that this body has brought already. */
export function takeUploadBuffer(received: number): UploadBuffer {
  const bytes = received < provenBytes ? undefined : (large.pop() ?? makeLarge());
  if (bytes) return { bytes, isLarge: true };
  return { bytes: small.pop() ?? Buffer.allocUnsafeSlow(smallBytes), isLarge: false };
}

/** To be called when nobody reads from it any more. */
export function giveUploadBufferBack({ bytes, isLarge }: UploadBuffer): void {
  if (isLarge) large.push(bytes);
  else if (small.length < maxPooledSmall) small.push(bytes);
}

function makeLarge(): Buffer | undefined {
  if (largeMade === maxLarge) return undefined;
  largeMade++;
  // One that can be resized lies in pages of its own; others begin wherever malloc says.
  return Buffer.from(new ArrayBuffer(largeBytes, { maxByteLength: largeBytes }), 0, largeBytes);
}
