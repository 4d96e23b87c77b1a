import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { openBlobFile } from '../../gateway/blobs/file.ts';

/** The bytes of a file that the core named, read by the gateway's own code; undefined when there is none. */
export async function readAsGateway(root: string, path: string, length: number): Promise<Buffer | undefined> {
  const file = await openBlobFile(root, path).catch((error) => {
    assert.equal(error.code, 'ENOENT');
    return undefined;
  });
  if (!file) return undefined;
  const chunks: Buffer[] = [];
  const destination = new Writable({
    write(chunk, _, done) {
      // The gateway uses its buffer again.
      chunks.push(Buffer.from(chunk));
      done();
    },
  });
  await file.send(destination, 0, length).finally(() => file.close());
  return Buffer.concat(chunks);
}
