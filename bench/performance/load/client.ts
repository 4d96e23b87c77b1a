import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { buffer } from 'node:stream/consumers';
import { basic, originOf, type Server } from '../servers/server.ts';

export interface Sent {
  headers?: Record<string, string>;
  /** In pieces, so that none has to be put together. */
  body?: readonly Buffer[];
}

export interface Received {
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** One client: one connection that is kept, one request at a time. */
export class Client {
  readonly #server: Server;
  readonly #agent: Agent;
  readonly #authorization: string;

  constructor(server: Server) {
    this.#server = server;
    this.#agent = new Agent({ keepAlive: true, maxSockets: 1, ca: server.ca });
    this.#authorization = basic(server);
  }

  close(): void {
    this.#agent.destroy();
  }

  /** @throws Error for any other status than the expected one. */
  async send(method: string, path: string, expected: number, sent: Sent = {}): Promise<Received> {
    const { port, name } = this.#server;
    const { headers = {}, body = [] } = sent;
    const length = body.reduce((sum, piece) => sum + piece.length, 0);
    const hasBody = method !== 'GET' && method !== 'HEAD';
    const outgoing = request({
      host: 'localhost',
      port,
      agent: this.#agent,
      method,
      path,
      headers: {
        authorization: this.#authorization,
        ...(hasBody ? { 'content-length': length } : {}),
        ...headers,
      },
    });
    const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>;
    const written = (async () => {
      for (const piece of body) if (!outgoing.write(piece)) await once(outgoing, 'drain');
      outgoing.end();
    })();
    const [[response]] = await Promise.all([answered, written]);
    const received = await buffer(response);
    if (response.statusCode !== expected)
      throw new Error(
        `${name}: ${method} ${path}: ${response.statusCode} ${received.toString().slice(0, 500)}`,
      );
    return { headers: response.headers, body: received };
  }
}

/** Path and query of a Location, which may be relative or absolute. */
export function pathOf(location: string, server: Server): URL {
  return new URL(location, originOf(server));
}
