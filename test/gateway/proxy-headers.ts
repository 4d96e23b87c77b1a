/** PROXY protocol headers for tests, written by the specification. */

const signature = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]);

export const commands = { local: 0x20, proxy: 0x21 } as const;
export const families = { none: 0x00, tcp4: 0x11, udp4: 0x12, tcp6: 0x21, unix: 0x31 } as const;

export function version1(source: string, family: 'TCP4' | 'TCP6' = 'TCP4'): Buffer {
  const destination = family === 'TCP4' ? '198.51.100.7' : '2001:db8::7';
  return Buffer.from(`PROXY ${family} ${source} ${destination} 56324 443\r\n`, 'latin1');
}

export function version2(
  command: number,
  family: number,
  addresses: Buffer | readonly number[],
  more: Buffer = Buffer.alloc(0),
): Buffer {
  const following = Buffer.concat([Buffer.from(addresses), more]);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(following.length);
  return Buffer.concat([signature, Buffer.from([command, family]), length, following]);
}

/** The address block of TCP over IPv4. */
export function block4(source: string): Buffer {
  return Buffer.from([...source.split('.').map(Number), 198, 51, 100, 7, 0xdc, 0x04, 0x01, 0xbb]);
}

/** The address block of TCP over IPv6, of eight words. */
export function block6(words: readonly number[]): Buffer {
  const block = Buffer.alloc(36);
  for (const [index, word] of words.entries()) block.writeUInt16BE(word, 2 * index);
  return block;
}
