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
  watchKeyPair,
} from '../certs/index.ts';
import { dataPaths } from '../runtime/config.ts';
import type { Config } from '../runtime/config-schema.ts';
import type { Log } from '../runtime/log.ts';

const renewalCheckMs = 12 * 3_600_000;

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
  const paths = await pairPaths(config);
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
      await pairPaths(config);
      serve(await loadKeyPair(paths));
    } catch (error) {
      keep(error);
    }
  };
  // An own certificate is issued anew weeks before it ends, also where nobody restarts the gateway.
  const renewal = setInterval(() => void reload(), renewalCheckMs).unref();
  return {
    options: () => secureOptions(pair),
    keepCurrent: (given) => {
      servers = given;
    },
    describe: () => describeCertificate(pair.cert),
    life: () => life,
    reload,
    close: () => {
      clearInterval(renewal);
      watch.close();
    },
  };
}

async function pairPaths(config: Config): Promise<KeyPairPaths> {
  if (config['tls.mode'] === 'files') {
    return { certificatePath: config['tls.certificate'], keyPath: config['tls.key'] };
  }
  const names = machineNames([...config.hostname]);
  return ensureCertificates({ directory: dataPaths(config).certificates, names });
}

/** Of the first certificate in the chain, which is the server's. */
function lifeOf({ cert }: KeyPair): CertificateLife {
  const { validFromDate, validToDate } = new X509Certificate(cert);
  return { endsAt: validToDate.getTime(), lengthMs: validToDate.getTime() - validFromDate.getTime() };
}

function secureOptions({ cert, key }: KeyPair): ServerOptions {
  return { cert, key, minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'] };
}
