import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/** The last good content of the htpasswd file, for all processes of the gateway and for its next start. */
export interface HtpasswdCopy {
  /** Undefined where there is none, or only one of another file. */
  read(): Buffer | undefined;
  /** @throws the system's error. */
  keep(content: Buffer): void;
}

/** For those who only look. */
export function readOnly({ read }: HtpasswdCopy): HtpasswdCopy {
  return { read, keep() {} };
}

/** Blocks for some milliseconds, when the file has changed. @param source the file that it is a copy of. */
export function openHtpasswdCopy(path: string, source: string): HtpasswdCopy {
  const heading = Buffer.from(`# The last good content of ${JSON.stringify(source)}\n`);
  const read = () => {
    try {
      const copy = readFileSync(path);
      return copy.subarray(0, heading.length).equals(heading) ? copy.subarray(heading.length) : undefined;
    } catch {
      return undefined;
    }
  };
  const keep = (content: Buffer) => {
    if (!read()?.equals(content)) replaceFile(path, Buffer.concat([heading, content]));
  };
  return { read, keep };
}

/** Whole or not at all, also where the power fails. */
function replaceFile(path: string, content: Buffer): void {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const file = openSync(temporary, 'wx', 0o600);
    try {
      writeFileSync(file, content);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
