import { existsSync, readFileSync } from 'node:fs';

/** The version in package.json, one folder up in a checkout and two where the code was compiled to `dist/`. */
export function version(): string {
  const near = new URL('../package.json', import.meta.url);
  const path = existsSync(near) ? near : new URL('../../package.json', import.meta.url);
  return JSON.parse(readFileSync(path, 'utf8')).version;
}
