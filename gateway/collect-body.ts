import type { Readable } from 'node:stream';

/**
 * All of a body, in one piece.
 * @returns undefined for one of more than `maxBytes`; what was read of it is back where it came from.
 */
export async function collectBody(body: Readable, maxBytes: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Not destroyed by an error of ours, since the connection is kept.
  for await (const chunk of body.iterator({ destroyOnReturn: false })) {
    chunks.push(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    if (bytes > maxBytes) {
      body.unshift(Buffer.concat(chunks));
      return undefined;
    }
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}
