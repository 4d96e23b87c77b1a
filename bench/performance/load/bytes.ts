import { createCipheriv } from 'node:crypto';

/** Bytes that no file system can compress, the same for the same name. */
export function bytesOf(name: string, length: number): Buffer {
  const key = Buffer.alloc(16, name);
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length));
}
