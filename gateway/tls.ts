import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ServerOptions, Server as TlsServer } from 'node:https';
import type { SecureContext, TLSSocket } from 'node:tls';
import { type CertificateDescription, describeCertificate } from '../certs/index.ts';
import { dataPaths } from '../runtime/config.ts';
import type { Config } from '../runtime/config-schema.ts';
import type { Log } from '../runtime/log.ts';
import { AcmeChallenges } from './tls/acme-challenges.ts';
import { AcmeHandshake } from './tls/acme-handshake.ts';
import { ClientCertificates, type ClientIdentity } from './tls/client-certificates.ts';
import { ExpiryWarnings } from './tls/expiry.ts';
import { ensureOwn, renewWhenDue } from './tls/own-certificate.ts';
import { openPairs } from './tls/pairs-of-mode.ts';
import type { PairState, ServedPair } from './tls/served-pair.ts';
import { chooseContext } from './tls/served-pairs.ts';
import { contextOptions } from './tls/server-options.ts';
import { TicketKey } from './tls/ticket-keys.ts';
import type { Channel } from './workers/channel.ts';

export interface CertificateLife {
  /** Milliseconds since 1970. */
  endsAt: number;
  lengthMs: number;
}

/** The certificates that are served, and their changes. */
export interface ServedCertificate {
  /** For new servers. */
  options(): ServerOptions;
  /** From now on these servers present whatever is current; connections under way are left alone. */
  keepCurrent(servers: readonly TlsServer[]): void;
  /** Of the default certificate: the one for clients that ask for no name, or for one that no other has. */
  describe(): Promise<CertificateDescription>;
  life(): CertificateLife;
  /** All certificates, the default one first. */
  pairs(): readonly PairState[];
  /** @see ClientCertificates.check */
  clientOf(request: IncomingMessage, response: ServerResponse): ClientIdentity | undefined;
  /** Looks at once, rather than when the watch notices; issues an own one anew where names have changed. */
  reload(): Promise<void>;
  close(): void;
}

/** @returns undefined with `tls.mode: off`. @throws CertificateError when there is nothing that can be served. */
export async function openCertificate(
  config: Config,
  log: Log,
  channel: Channel,
): Promise<ServedCertificate | undefined> {
  if (config['tls.mode'] === 'off') return undefined;
  // Whatever changes, servers that exist already are told.
  let front: TlsFront | undefined;
  const refresh = () => front?.refresh();
  const pairs = await openPairs(config, log, refresh);
  try {
    const clients = await ClientCertificates.open(config, log, refresh);
    const ticketKey = await TicketKey.open(channel, (key) => front?.useTicketKey(key));
    front = new TlsFront({ config, log, pairs, clients, ticketKey });
    return front;
  } catch (error) {
    for (const pair of pairs) pair.close();
    throw error;
  }
}

interface FrontParts {
  config: Config;
  log: Log;
  /** The default one first. */
  pairs: readonly ServedPair[];
  clients: ClientCertificates | undefined;
  ticketKey: TicketKey;
}

/** TLS as this process offers it. */
class TlsFront implements ServedCertificate {
  readonly #parts: FrontParts;
  readonly #acme: AcmeHandshake | undefined;
  readonly #closers: { close(): void }[];
  #servers: readonly TlsServer[] = [];

  constructor(parts: FrontParts) {
    const { config, log, pairs, clients } = parts;
    this.#parts = parts;
    if (config['tls.mode'] === 'acme') {
      this.#acme = new AcmeHandshake(new AcmeChallenges(dataPaths(config).acmeChallenges));
    }
    const renewals = pairs
      .filter(({ source }) => source === 'own')
      .map((pair) => renewWhenDue(pair, config, log));
    const expiry = new ExpiryWarnings(log).watch(pairs);
    this.#closers = [...renewals, expiry, ...pairs, ...(clients ? [clients] : [])];
  }

  options(): ServerOptions {
    const { pairs, clients } = this.#parts;
    return {
      ...this.#contextOptions(),
      SNICallback: sniCallback((socket, servername) => {
        return this.#acme?.contextOf(socket) ?? chooseContext(pairs, servername, clients?.authority);
      }),
      ...alpn(this.#acme),
      // A bad certificate is let in, to be refused in words; see ClientCertificates.
      ...(clients ? { requestCert: true, rejectUnauthorized: false } : {}),
    };
  }

  keepCurrent(servers: readonly TlsServer[]): void {
    this.#servers = servers;
    this.#acme?.endAfterHandshake(servers);
    for (const server of servers) {
      server.on('secureConnection', (socket: TLSSocket) => this.#parts.clients?.accept(socket));
    }
  }

  /** Another certificate is served, or client certificates are judged otherwise. */
  refresh(): void {
    const { pairs, clients, ticketKey } = this.#parts;
    for (const pair of pairs) pair.reset();
    // A resumed session brings the verdict of its first handshake along.
    if (clients) ticketKey.rotate();
    for (const server of this.#servers) {
      server.setSecureContext(this.#contextOptions());
      if (clients) server.closeIdleConnections();
    }
  }

  useTicketKey(key: Buffer): void {
    for (const server of this.#servers) server.setTicketKeys(key);
  }

  describe(): Promise<CertificateDescription> {
    return describeCertificate(this.#parts.pairs[0]!.pair!.cert);
  }

  /** Of the default certificate. */
  life(): CertificateLife {
    const { validFromDate, validToDate } = this.#parts.pairs[0]!.leaf!;
    return { endsAt: validToDate.getTime(), lengthMs: validToDate.getTime() - validFromDate.getTime() };
  }

  pairs(): readonly PairState[] {
    return this.#parts.pairs.map((pair) => pair.state());
  }

  clientOf(request: IncomingMessage, response: ServerResponse): ClientIdentity | undefined {
    return this.#parts.clients?.check(request, response);
  }

  async reload(): Promise<void> {
    const { config, log, pairs } = this.#parts;
    try {
      if (pairs[0]!.source === 'own') await ensureOwn(config, log);
    } catch (error) {
      log.error('the own certificate cannot be seen to', { error });
    }
    for (const pair of pairs) await pair.reload();
  }

  close(): void {
    for (const closer of this.#closers) closer.close();
  }

  #contextOptions() {
    const { pairs, clients, ticketKey } = this.#parts;
    const options = contextOptions(pairs[0]!.pair!, clients?.authority);
    return { ...options, ticketKeys: ticketKey.current };
  }
}

type ChooseContext = (socket: TLSSocket, servername: string) => SecureContext | undefined;

/** Node calls it on the socket. */
function sniCallback(choose: ChooseContext): NonNullable<ServerOptions['SNICallback']> {
  return function (this: unknown, servername, done) {
    try {
      done(null, choose(this as TLSSocket, servername));
    } catch (error) {
      done(error as Error);
    }
  };
}

function alpn(acme: AcmeHandshake | undefined): ServerOptions {
  if (!acme) return { ALPNProtocols: ['http/1.1'] };
  return {
    ALPNCallback(this: unknown, { servername, protocols }) {
      return acme.chooseProtocol(this as TLSSocket, servername, protocols);
    },
  };
}
