import { ensureCertificates, type KeyPairPaths, machineNames } from '../../certs/index.ts';
import { dataPaths } from '../../runtime/config.ts';
import type { Config } from '../../runtime/config-schema.ts';
import type { Log } from '../../runtime/log.ts';
import type { ServedPair } from './served-pair.ts';

const unpermittedMessage =
  'the own certificate authority was not made for these names, so clients that ask for them refuse the certificate; make a new one with: gatehouse cert renew --new-authority';
const keyAwayMessage =
  'the server certificate should be issued anew, but the key of the authority is away; bring it back with: gatehouse cert import-ca-key FILE';
const longestWaitMs = 12 * 3_600_000;
const shortestWaitMs = 1000;
const retryMs = 60_000;

/** Sees to the authority and the pair by it, issuing what is missing or due. @throws CertificateError */
export async function ensureOwn(config: Config, log: Log): Promise<KeyPairPaths> {
  const { unpermitted, reason, created, reissued, certificatePath, keyPath, caCertificatePath } =
    await ensureCertificates({
      directory: dataPaths(config).certificates,
      names: machineNames(config.hostname),
      keyType: config['tls.key_type'],
      lifetimeMs: config['tls.lifetime'],
    });
  const configured = unpermitted.filter((name) => config.hostname.includes(name));
  if (configured.length > 0)
    log.error(unpermittedMessage, { names: configured, authority: caCertificatePath });
  if (reason !== undefined && !created && !reissued) log.error(keyAwayMessage, { reason });
  return { certificatePath, keyPath };
}

/** An own certificate is issued anew before it ends, also where nobody restarts the gateway. */
export function renewWhenDue(pair: ServedPair, config: Config, log: Log): { close(): void } {
  let timer: NodeJS.Timeout | undefined;
  const renew = async () => {
    try {
      await ensureOwn(config, log);
      await pair.reload();
    } catch (error) {
      log.error('the own certificate cannot be renewed', { error });
    }
  };
  const wait = () => {
    const waitMs = untilRenewal(pair.renewAt, pair.leaf!.validToDate.getTime(), Date.now());
    timer = setTimeout(() => void renew().finally(() => timer && wait()), waitMs).unref();
  };
  wait();
  return {
    close() {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}

/** Milliseconds until the next look; where a renewal is overdue (the authority's key is away, say), until a retry. */
export function untilRenewal(dueAt: number, endsAt: number, now: number): number {
  if (dueAt >= now) return Math.min(longestWaitMs, dueAt - now + shortestWaitMs);
  return Math.min(longestWaitMs, Math.max(retryMs, (endsAt - now) / 10));
}
