import { createHash } from 'node:crypto';
import type { Descriptor } from '../oci/descriptor.ts';
import { algorithmOf, hexOf } from '../oci/digest.ts';
import { OciError } from '../oci/errors.ts';

/**
 * The `data` of a descriptor must be what its digest and size say (image-spec, descriptor.md): a client that trusts
 * it would get other content than one that pulls the blob.
 * @throws OciError MANIFEST_INVALID
 */
export function checkEmbeddedData(descriptors: readonly Descriptor[]): void {
  for (const { data, digest, size } of descriptors) {
    if (data === undefined) continue;
    const bytes = Buffer.from(data, 'base64');
    const hash = () => createHash(algorithmOf(digest)).update(bytes).digest('hex');
    if (bytes.length === size && bytes.toString('base64') === data && hash() === hexOf(digest)) continue;
    throw new OciError('MANIFEST_INVALID', {
      message: 'the data of a descriptor is not the Base64 of what its digest and size say',
      detail: { digest, size },
    });
  }
}
