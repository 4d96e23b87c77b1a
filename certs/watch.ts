import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { CertificateError } from './errors.ts';
import { checkKeyPair, type KeyPair, type KeyPairPaths } from './key-pair.ts';

// Seen once and confirmed once: at most a second from the change to the call.
const POLL_MILLISECONDS = 500;

export interface KeyPairWatchOptions {
  /** The pair in use; without it, what the files hold at the call counts as in use. */
  current?: KeyPair;
  /** A new pair that TLS can serve; also called when a good pair comes back after a bad one. */
  onChange(pair: KeyPair): void;
  /** The files changed to something that cannot serve: called once for it; go on with the pair in use. */
  onError(error: CertificateError): void;
}

/**
 * Watches a certificate and its key and reports a change within 2 s. Never keeps the process alive.
 *
 * It reads both files (a few KiB) twice a second instead of listening to the kernel: that sees a change
 * through symbolic links (certbot, Kubernetes), bind mounts and network disks alike. A text counts when
 * two readings agree, so neither a half-written file nor the moment between key and certificate does.
 */
export function watchKeyPair(paths: KeyPairPaths, options: KeyPairWatchOptions): { close(): void } {
  let handled = fingerprint(options.current ?? readNow(paths));
  let seen = handled;
  let closed = false;

  async function check(): Promise<void> {
    const reading = await readPair(paths);
    const id = fingerprint(reading);
    const isStable = id === seen;
    seen = id;
    if (closed || id === handled || !isStable) return;
    handled = id;
    report(reading, paths, options);
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

function report(
  reading: KeyPair | CertificateError,
  paths: KeyPairPaths,
  options: KeyPairWatchOptions,
): void {
  if (reading instanceof CertificateError) {
    options.onError(reading);
    return;
  }
  const fault = findFault(reading, paths);
  if (fault) options.onError(fault);
  else options.onChange(reading);
}

function findFault(pair: KeyPair, paths: KeyPairPaths): CertificateError | undefined {
  try {
    checkKeyPair(pair, paths);
    return undefined;
  } catch (error) {
    if (error instanceof CertificateError) return error;
    throw error;
  }
}

async function readPair(paths: KeyPairPaths): Promise<KeyPair | CertificateError> {
  try {
    const [cert, key] = await Promise.all([
      readFile(paths.certificatePath, 'utf8'),
      readFile(paths.keyPath, 'utf8'),
    ]);
    return { cert, key };
  } catch (error) {
    return unreadable(error);
  }
}

function readNow(paths: KeyPairPaths): KeyPair | CertificateError {
  try {
    return { cert: readFileSync(paths.certificatePath, 'utf8'), key: readFileSync(paths.keyPath, 'utf8') };
  } catch (error) {
    return unreadable(error);
  }
}

function unreadable(error: unknown): CertificateError {
  const reason = error instanceof Error ? error.message : String(error);
  const problem = `The certificate or its key cannot be read any more (${reason})`;
  return new CertificateError('CERTIFICATE_UNREADABLE', problem, 'Put both files back', error);
}

function fingerprint(reading: KeyPair | CertificateError): string {
  const text = reading instanceof Error ? reading.message : `${reading.cert}\0${reading.key}`;
  return createHash('sha256').update(text).digest('hex');
}
