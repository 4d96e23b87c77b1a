import type { Readable } from 'node:stream';
import { OciError } from '../oci/errors.ts';

/**
 * The body, which must be as long as was announced; else nothing of it counts.
 * @throws OciError SIZE_INVALID
 */
export async function* chunksOf(body: Readable, announced: number | undefined): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  // Not destroyed by an error of ours: the connection is kept, and its next request comes after the rest.
  for await (const chunk of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > (announced ?? bytes)) break;
    yield chunk;
  }
  if (bytes === (announced ?? bytes)) return;
  throw new OciError('SIZE_INVALID', {
    message: 'the body is not as long as its Content-Range says; nothing of it was kept',
    detail: { announced },
  });
}
