import { closeSync, openSync } from 'node:fs';
import { basename, dirname } from 'node:path';

/** sockaddr_un holds 108 bytes with the closing NUL (unix(7)); macOS has 104. */
const maxSocketPathBytes = 103;

export interface SocketPath {
  path: string;
  /** To be called when neither bind nor connect will use the path again. */
  close(): void;
}

/**
 * A path by which the socket can be bound and reached although its own may be too long: through a descriptor of
 * its directory. Data directories of CI systems have paths of 150 bytes and more.
 */
export function shortSocketPath(path: string): SocketPath {
  if (Buffer.byteLength(path) <= maxSocketPathBytes) return { path, close: () => {} };
  if (process.platform !== 'linux') {
    throw new Error(
      `the path of the socket ${path} is longer than ${maxSocketPathBytes} bytes; choose a shorter --data`,
    );
  }
  const directory = openSync(dirname(path), 'r');
  return { path: `/proc/self/fd/${directory}/${basename(path)}`, close: () => closeSync(directory) };
}
