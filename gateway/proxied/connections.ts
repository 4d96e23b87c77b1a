import type { Server, Socket } from 'node:net';
import type { Log } from '../../runtime/log.ts';
import { canonicalAddress } from './networks.ts';
import { readProxyHeader } from './proxy-header.ts';

/** The specification asks for at least three seconds; a proxy sends the header with its first packet. */
const headerLimitMs = 5000;

export interface ProxiedConnectionsOptions {
  /** From whom a header must come. From nobody else it is read. */
  isProxy(address: string): boolean;
  log: Log;
}

/**
 * Connections that begin with a PROXY header. It stands before TLS, so it is taken off the connection before the server
 * gets to see it.
 */
export class ProxiedConnections {
  readonly #options: ProxiedConnectionsOptions;
  /** By both ends: a TLS socket does not say on which connection it is. */
  readonly #sources = new Map<string, string>();

  constructor(options: ProxiedConnectionsOptions) {
    this.#options = options;
  }

  /** @returns who the proxy said is at the other end; undefined when it is the one who connected. */
  sourceOf(socket: Socket): string | undefined {
    return this.#sources.get(endsOf(socket));
  }

  /** Puts itself before what the server does with a new connection. Called before others listen to it. */
  guard(server: Server): void {
    const listeners = server.listeners('connection') as ((socket: Socket) => void)[];
    server.removeAllListeners('connection');
    const handOver = (socket: Socket) => {
      for (const listener of listeners) listener.call(server, socket);
    };
    server.on('connection', (socket: Socket) => {
      if (this.#options.isProxy(canonicalAddress(socket.remoteAddress ?? '')))
        this.#takeHeader(socket, handOver);
      else handOver(socket);
    });
  }

  #takeHeader(socket: Socket, handOver: (socket: Socket) => void): void {
    const address = socket.remoteAddress;
    let received: Buffer = Buffer.alloc(0);
    const refuse = (reason: string) => {
      this.#options.log.warn('connection of a proxy refused', { address, reason });
      socket.destroy();
    };
    const onReadable = () => {
      for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read()) {
        received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
        const header = readProxyHeader(received);
        if (header.state === 'incomplete') continue;
        if (header.state === 'malformed') return refuse(header.reason);
        end();
        if (header.source !== undefined) this.#remember(socket, header.source);
        const rest = received.subarray(header.length);
        if (rest.length > 0) socket.unshift(rest);
        return handOver(socket);
      }
    };
    const onEnd = () => socket.destroy();
    const deadline = setTimeout(() => refuse('no PROXY header in time'), headerLimitMs).unref();
    const end = () => {
      clearTimeout(deadline);
      socket.off('readable', onReadable).off('end', onEnd).off('close', end).off('error', ignore);
    };
    socket.on('readable', onReadable).on('end', onEnd).on('close', end).on('error', ignore);
  }

  #remember(socket: Socket, source: string): void {
    const ends = endsOf(socket);
    this.#sources.set(ends, source);
    socket.once('close', () => this.#sources.delete(ends));
  }
}

/** A connection that breaks off closes; there is nothing else to do about it. */
function ignore(): void {}

function endsOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
