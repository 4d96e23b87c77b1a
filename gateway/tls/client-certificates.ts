import type { IncomingMessage, ServerResponse } from 'node:http';
import { TLSSocket } from 'node:tls';
import { type ClientAuthority, loadClientAuthority, watchClientAuthority } from '../../certs/index.ts';
import { OciError } from '../../oci/errors.ts';
import type { Config } from '../../runtime/config-schema.ts';
import type { Log } from '../../runtime/log.ts';
import { userOf } from './client-user.ts';

/** What a client certificate that was found good says. */
export interface ClientIdentity {
  /** Who it is for; undefined: it names no user in the way that is configured. */
  user: string | undefined;
  /** Upper-case hex. */
  serial: string;
}

/** How long a request may be on its way: as `headersTimeout`. */
const lastRequestMs = 30_000;

/** Client certificates (RFC 8446, section 4.4.2), of connections that end here: never from a proxy's header. */
export class ClientCertificates {
  readonly required: boolean;
  readonly #form: Config['tls.client_user'];
  readonly #watch: { close(): void };
  readonly #verified = new WeakMap<TLSSocket, ClientIdentity>();
  /** Connections whose handshake was judged by the files as they are now. */
  #current = new WeakSet<TLSSocket>();
  #changedAt = 0;
  #authority: ClientAuthority;

  private constructor(config: Config, authority: ClientAuthority, log: Log, onChange: () => void) {
    this.required = config['tls.client_certificates'] === 'required';
    this.#form = config['tls.client_user'];
    this.#authority = authority;
    this.#watch = watchClientAuthority(pathsOf(config), authority, {
      change: (next) => {
        this.#authority = next;
        this.#current = new WeakSet();
        this.#changedAt = performance.now();
        log.info('client certificates are judged by new files', { ...pathsOf(config) });
        onChange();
      },
      error: (error) =>
        log.error('the new files for client certificates cannot be used, the old ones stay', { error }),
    });
  }

  /** @returns undefined where none are asked for. @throws CertificateError */
  static async open(config: Config, log: Log, onChange: () => void): Promise<ClientCertificates | undefined> {
    if (config['tls.client_certificates'] === 'off' || config['tls.mode'] === 'off') return undefined;
    return new ClientCertificates(config, await loadClientAuthority(pathsOf(config)), log, onChange);
  }

  get authority(): ClientAuthority {
    return this.#authority;
  }

  /** A connection after its handshake. */
  accept(socket: TLSSocket): void {
    this.#current.add(socket);
  }

  /**
   * The handshake lets everybody in, so that a client learns here, in words, what is wrong.
   * @returns undefined without a certificate. @throws OciError DENIED for a bad one, or none where one is required.
   */
  check(request: IncomingMessage, response: ServerResponse): ClientIdentity | undefined {
    const socket = request.socket;
    if (!(socket instanceof TLSSocket)) return undefined;
    const known = this.#verified.get(socket);
    const certificate = known ? undefined : socket.getPeerX509Certificate();
    if (!known && !certificate) {
      if (this.required)
        throw refusal('this registry takes requests with a client certificate only', 'absent');
      return undefined;
    }
    if (!this.#current.has(socket)) this.#endSoon(request, response);
    if (known) return known;
    if (!socket.authorized) throw faultOf(socket.authorizationError);
    const identity = { user: userOf(certificate!, this.#form), serial: certificate!.serialNumber };
    this.#verified.set(socket, identity);
    return identity;
  }

  /**
   * A connection from before a change, which was not idle when all that were idle were closed: one that is just new gets
   * its answer. A later one is cut like an idle connection that a server closes: clients connect again, and are judged.
   */
  #endSoon(request: IncomingMessage, response: ServerResponse): void {
    response.setHeader('Connection', 'close');
    if (performance.now() - this.#changedAt < lastRequestMs) return;
    request.socket.destroy();
    throw refusal('the rules for client certificates have changed: connect again', 'outdated');
  }

  close(): void {
    this.#watch.close();
  }
}

function pathsOf(config: Config) {
  return { caPath: config['tls.client_ca'], crlPath: config['tls.client_crl'] || undefined };
}

/** By OpenSSL's names for what it found. */
const faults: Readonly<Record<string, [reason: string, message: string]>> = {
  CERT_REVOKED: ['revoked', 'the client certificate was revoked'],
  CERT_HAS_EXPIRED: ['expired', 'the client certificate has expired'],
  CERT_NOT_YET_VALID: ['not-yet-valid', 'the client certificate is not valid yet; check the clocks'],
  CRL_HAS_EXPIRED: [
    'crl-expired',
    'the list of revoked client certificates has expired; the operator has to bring a new one (tls.client_crl)',
  ],
  UNABLE_TO_GET_CRL: [
    'crl-absent',
    'there is no list of revoked certificates by the authority of this client certificate (tls.client_crl)',
  ],
  INVALID_PURPOSE: ['purpose', 'the certificate is not one for clients'],
};

function faultOf(error: unknown): OciError {
  const code =
    error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : String(error);
  const [reason, message] = faults[code] ?? [
    'foreign',
    'the client certificate was not issued by an authority that this registry takes (tls.client_ca)',
  ];
  return refusal(message, reason);
}

function refusal(message: string, reason: string): OciError {
  return new OciError('DENIED', { message, detail: { reason: `client-certificate-${reason}` } });
}
