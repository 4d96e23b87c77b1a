import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { CertificateError } from './errors.ts';
import { checkKeyPair, type KeyPair, type KeyPairPaths } from './key-pair.ts';

// Seen once and confirmed once: at most a second from the change to the call.
const POLL_MILLISECONDS = 500;

export interface FileWatchOptions {
  /** The texts in use; without them, what the files hold at the call counts as in use. */
  current?: readonly string[] | undefined;
  /** Throws CertificateError for texts that cannot be used. */
  check(texts: readonly string[]): void;
  /** New texts that can be used; also called when good ones come back after bad ones. */
  onChange(texts: readonly string[]): void;
  /** The files changed to something that cannot be used: called once for it; go on with what is in use. */
  onError(error: CertificateError): void;
}

/**
 * Watches files that belong together and reports a change within 2 s. Never keeps the process alive.
 *
 * It reads them (a few KiB) twice a second instead of listening to the kernel: that sees a change
 * through symbolic links (certbot, Kubernetes), bind mounts and network disks alike. A text counts when
 * two readings agree, so neither a half-written file nor the moment between key and certificate does.
 */
export function watchFiles(paths: readonly string[], options: FileWatchOptions): { close(): void } {
  let handled = fingerprint(options.current ?? readNow(paths));
  let seen = handled;
  let closed = false;

  async function check(): Promise<void> {
    const reading = await readAll(paths);
    const id = fingerprint(reading);
    const isStable = id === seen;
    seen = id;
    if (closed || id === handled || !isStable) return;
    handled = id;
    report(reading, options);
  }

  function schedule(): NodeJS.Timeout {
    const next = () => {
      if (!closed) timer = schedule();
    };
    // An error thrown by a callback must reach the process, not end the watching in silence.
    return setTimeout(() => void check().finally(next), POLL_MILLISECONDS).unref();
  }

  let timer = schedule();
  return {
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}

export interface KeyPairWatchOptions {
  /** The pair in use; without it, what the files hold at the call counts as in use. */
  current?: KeyPair | undefined;
  /** A new pair that TLS can serve; also called when a good pair comes back after a bad one. */
  onChange(pair: KeyPair): void;
  /** The files changed to something that cannot serve: called once for it; go on with the pair in use. */
  onError(error: CertificateError): void;
}

/** As watchFiles(), for a certificate and its key. */
export function watchKeyPair(
  paths: KeyPairPaths,
  { current, onChange, onError }: KeyPairWatchOptions,
): { close(): void } {
  const pairOf = ([cert, key]: readonly string[]): KeyPair => ({ cert: cert!, key: key! });
  return watchFiles([paths.certificatePath, paths.keyPath], {
    current: current && [current.cert, current.key],
    check: (texts) => checkKeyPair(pairOf(texts), paths),
    onChange: (texts) => onChange(pairOf(texts)),
    onError,
  });
}

type Reading = readonly string[] | CertificateError;

function report(reading: Reading, options: FileWatchOptions): void {
  if (reading instanceof CertificateError) {
    options.onError(reading);
    return;
  }
  const fault = findFault(reading, options);
  if (fault) options.onError(fault);
  else options.onChange(reading);
}

function findFault(texts: readonly string[], { check }: FileWatchOptions): CertificateError | undefined {
  try {
    check(texts);
    return undefined;
  } catch (error) {
    if (error instanceof CertificateError) return error;
    throw error;
  }
}

async function readAll(paths: readonly string[]): Promise<Reading> {
  try {
    return await Promise.all(paths.map((path) => readFile(path, 'utf8')));
  } catch (error) {
    return unreadable(error);
  }
}

function readNow(paths: readonly string[]): Reading {
  try {
    return paths.map((path) => readFileSync(path, 'utf8'));
  } catch (error) {
    return unreadable(error);
  }
}

function unreadable(error: unknown): CertificateError {
  const reason = error instanceof Error ? error.message : String(error);
  const problem = `The certificate or its key cannot be read any more (${reason})`;
  return new CertificateError('CERTIFICATE_UNREADABLE', problem, 'Put the files back', error);
}

function fingerprint(reading: Reading): string {
  const text = reading instanceof Error ? reading.message : reading.join('\0');
  return createHash('sha256').update(text).digest('hex');
}
