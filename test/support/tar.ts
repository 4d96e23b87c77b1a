const BLOCK = 512;

export interface TarEntry {
  path: string;
  content: Buffer | string;
  mode?: number;
}

/** A tar archive (ustar) of plain files, the same bytes for the same entries every time. */
export function tar(entries: TarEntry[]): Buffer {
  const parts = entries.flatMap(({ path, content, mode = 0o644 }) => {
    const bytes = Buffer.from(content);
    return [header(path, bytes.length, mode), bytes, Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK)];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}

function header(path: string, size: number, mode: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, offset: number, length: number) =>
    block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, offset);
  block.write(path, 0, 100);
  octal(mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(0, 136, 12);
  block.write('        ', 148);
  block.write('0', 156);
  block.write('ustar\x0000', 257);
  const checksum = block.reduce((sum, byte) => sum + byte, 0);
  block.write(`${checksum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}
