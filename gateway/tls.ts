import { X509Certificate } from 'node:crypto';
import type { ServerOptions, Server as TlsServer } from 'node:https';
import {
  type CertificateDescription,
  describeCertificate,
  ensureCertificates,
  type KeyPair,
  type KeyPairPaths,
  loadKeyPair,
  machineNames,
  renewalTimeOf,
  watchKeyPair,
} from '../certs/index.ts';
import { dataPaths } from '../runtime/config.ts';
import type { Config } from '../runtime/config-schema.ts';
import type { Log } from '../runtime/log.ts';

const renewalCheckMs = 12 * 3_600_000;
const unpermittedMessage =
  'the own certificate authority was not made for these names, so clients that ask for them refuse the certificate; make a new one with: gatehouse cert renew --new-authority';
const keyAwayMessage =
  'the server certificate should be issued anew, but the key of the authority is away; bring it back with: gatehouse cert import-ca-key FILE';
const shortestCheckMs = 1000;
const retryMs = 60_000;

export interface CertificateLife {
  /** Milliseconds since 1970. */
  endsAt: number;
  lengthMs: number;
}

/** The certificate that is served, and its changes. */
export interface ServedCertificate {
  /** For new servers. */
  options(): ServerOptions;
  /** From now on these servers present whatever is current; connections under way are left alone. */
  keepCurrent(servers: readonly TlsServer[]): void;
  describe(): Promise<CertificateDescription>;
  life(): CertificateLife;
  /** Looks at once, rather than when the watch notices; issues an own one anew where names have changed. */
  reload(): Promise<void>;
  close(): void;
}

/** @returns undefined with `tls.mode: off`. @throws CertificateError when there is nothing that can be served. */
export async function openCertificate(config: Config, log: Log): Promise<ServedCertificate | undefined> {
  if (config['tls.mode'] === 'off') return undefined;
  const paths = await pairPaths(config, log);
  let pair = await loadKeyPair(paths);
  let life = lifeOf(pair);
  let servers: readonly TlsServer[] = [];
  const serve = (next: KeyPair) => {
    if (next.cert === pair.cert && next.key === pair.key) return;
    pair = next;
    life = lifeOf(pair);
    for (const server of servers) server.setSecureContext(secureOptions(pair));
    log.info('serving a new certificate', { certificate: paths.certificatePath });
  };
  const keep = (error: unknown) =>
    log.error('the new certificate cannot be served, the old one stays', { error });
  const watch = watchKeyPair(paths, { current: pair, onChange: serve, onError: keep });
  const reload = async () => {
    try {
      await pairPaths(config, log);
      serve(await loadKeyPair(paths));
    } catch (error) {
      keep(error);
    }
  };
  // An own certificate is issued anew before it ends, also where nobody restarts the gateway.
  let renewal: NodeJS.Timeout | undefined;
  const renewWhenDue = () => {
    const waitMs = renewalWait(renewalTimeOf(pair.cert), life.endsAt);
    renewal = setTimeout(() => void reload().finally(() => renewal && renewWhenDue()), waitMs).unref();
  };
  renewWhenDue();
  return {
    options: () => secureOptions(pair),
    keepCurrent: (given) => {
      servers = given;
    },
    describe: () => describeCertificate(pair.cert),
    life: () => life,
    reload,
    close: () => {
      clearTimeout(renewal);
      renewal = undefined;
      watch.close();
    },
  };
}

async function pairPaths(config: Config, log: Log): Promise<KeyPairPaths> {
  if (config['tls.mode'] === 'files') {
    return { certificatePath: config['tls.certificate'], keyPath: config['tls.key'] };
  }
  const { unpermitted, reason, created, reissued, ...paths } = await ensureCertificates({
    directory: dataPaths(config).certificates,
    names: machineNames(config.hostname),
    keyType: config['tls.key_type'],
    lifetimeMs: config['tls.lifetime'],
  });
  const configured = unpermitted.filter((name) => config.hostname.includes(name));
  if (configured.length > 0) {
    log.error(unpermittedMessage, { names: configured, authority: paths.caCertificatePath });
  }
  if (reason !== undefined && !created && !reissued) log.error(keyAwayMessage, { reason });
  return paths;
}

/** Until the renewal; where that is overdue (the authority's key is away, say), until another try. */
function renewalWait(dueAt: number, endsAt: number): number {
  const now = Date.now();
  if (dueAt >= now) return Math.min(renewalCheckMs, dueAt - now + shortestCheckMs);
  return Math.min(renewalCheckMs, Math.max(retryMs, (endsAt - now) / 10));
}

/** Of the first certificate in the chain, which is the server's. */
function lifeOf({ cert }: KeyPair): CertificateLife {
  const { validFromDate, validToDate } = new X509Certificate(cert);
  return { endsAt: validToDate.getTime(), lengthMs: validToDate.getTime() - validFromDate.getTime() };
}

function secureOptions({ cert, key }: KeyPair): ServerOptions {
  return { cert, key, minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'] };
}
