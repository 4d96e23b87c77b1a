import type { Server as TlsServer } from 'node:https';
import { createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import type { AcmeChallenges } from './acme-challenges.ts';

const acmeProtocol = 'acme-tls/1';

/**
 * TLS-ALPN-01 (RFC 8737): whoever offers `acme-tls/1` gets the certificate of the challenge and nothing else. TLS 1.2
 * asks for the certificate by name first and for the protocol then, TLS 1.3 the other way round.
 */
export class AcmeHandshake {
  readonly #challenges: AcmeChallenges;
  readonly #contexts = new WeakMap<TLSSocket, SecureContext>();

  constructor(challenges: AcmeChallenges) {
    this.#challenges = challenges;
  }

  /** For `ALPNCallback`. @returns undefined: the handshake fails with `no_application_protocol`. */
  chooseProtocol(socket: TLSSocket, servername: string, protocols: readonly string[]): string | undefined {
    if (!protocols.includes(acmeProtocol)) return protocols.find((protocol) => protocol === 'http/1.1');
    const pair = this.#challenges.alpnPair(String(servername).toLowerCase());
    if (!pair) return undefined;
    const context = createSecureContext({ ...pair, minVersion: 'TLSv1.2' });
    this.#contexts.set(socket, context);
    socket.setKeyCert(context);
    return acmeProtocol;
  }

  /** For `SNICallback`; undefined: it is no challenge. */
  contextOf(socket: TLSSocket): SecureContext | undefined {
    return this.#contexts.get(socket);
  }

  /** The handshake was all there is to see. */
  endAfterHandshake(servers: readonly TlsServer[]): void {
    for (const server of servers) {
      server.on('secureConnection', (socket: TLSSocket) => {
        if (socket.alpnProtocol === acmeProtocol) socket.end();
      });
    }
  }
}
