import {
  Agent,
  type ClientRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
} from 'node:http';
import httpProxy from 'http-proxy';
import { shortSocketPath } from '../runtime/socket-path.ts';
import { type CoreRequest, httpHeaders } from './core-request.ts';
import { sendGathered } from './gathered-body.ts';

/** The way to the core. */
export interface CoreProxy {
  /**
   * Sends the request, its body as the client's bytes come in, and resolves with the answer's head. Destroyed as
   * soon as `response` closes, unless all was said by then.
   * @throws the socket's own error (ECONNREFUSED, ENOENT, ECONNRESET, …) when there is no answer.
   */
  send(request: CoreRequest, response: ServerResponse): Promise<IncomingMessage>;
  /** Connections at work and at rest, and requests that wait for one. */
  pool(): PoolFigures;
  close(): void;
}

export interface PoolFigures {
  active: number;
  idle: number;
  waiting: number;
}

const maxIdleConnections = 256;

/**
 * http-proxy over kept-alive connections to the core's socket: without an agent each request would open one
 * (1,100 against 130 µs of CPU).
 */
export function openProxy(socketPath: string): CoreProxy {
  const socket = shortSocketPath(socketPath);
  const agent = new Agent({ keepAlive: true, maxFreeSockets: maxIdleConnections, scheduling: 'lifo' });
  const server = httpProxy.createProxyServer({
    target: { socketPath: socket.path, host: 'registry-core', port: 80 } as httpProxy.ProxyTarget,
    agent,
    selfHandleResponse: true,
    // The target is ours and canonical; http-proxy need not parse it again.
    toProxy: true,
  });
  server.on('proxyReq', (outgoing, call) => (call as unknown as Call).sent(outgoing));
  server.on('proxyRes', (answer, call) => (call as unknown as Call).answered(answer));
  return {
    send(request, response) {
      const call = new Call(request);
      let stopBody = () => {};
      const cancel = () => {
        stopBody();
        call.cancel();
      };
      response.once('close', cancel);
      if (response.destroyed) cancel();
      const { body } = request;
      const pipe = (outgoing: ClientRequest) => {
        if (body) stopBody = sendGathered(body, outgoing);
        else outgoing.end();
      };
      const options = { buffer: { pipe } as unknown as IncomingMessage };
      server.web(call as unknown as IncomingMessage, response, options, (error) => {
        response.off('close', cancel);
        call.failed(error);
      });
      return call.answer;
    },
    pool: () => ({
      active: count(agent.sockets),
      idle: count(agent.freeSockets),
      waiting: count(agent.requests),
    }),
    close() {
      agent.destroy();
      socket.close();
    },
  };
}

function count(lists: NodeJS.ReadOnlyDict<unknown[]>): number {
  return Object.values(lists).reduce((total, list = []) => total + list.length, 0);
}

/**
 * What http-proxy takes for the incoming request: what the core is to see, rather than what the client sent. It
 * hands it back with its events, which is how they find their call.
 */
class Call {
  readonly method: string;
  readonly url: string;
  readonly headers: OutgoingHttpHeaders;
  // http-proxy swallows a reset when this says that the client is gone; the call would never end.
  readonly socket = { destroyed: false };
  readonly answer: Promise<IncomingMessage>;
  readonly #settle: PromiseWithResolvers<IncomingMessage>;
  #outgoing: ClientRequest | undefined;
  #answer: IncomingMessage | undefined;
  #cancelled = false;

  constructor(request: CoreRequest) {
    this.method = request.method;
    this.url = request.target;
    this.headers = httpHeaders(request);
    this.#settle = Promise.withResolvers();
    this.answer = this.#settle.promise;
  }

  /** http-proxy would listen for the client's abort, which it hears of in some cases only; see `cancel`. */
  on(): this {
    return this;
  }

  sent(outgoing: ClientRequest): void {
    this.#outgoing = outgoing;
    if (this.#cancelled) outgoing.destroy();
  }

  answered(answer: IncomingMessage): void {
    this.#answer = answer;
    this.#settle.resolve(answer);
  }

  failed(error: Error): void {
    this.#settle.reject(error);
  }

  cancel(): void {
    // A finished call's connection may serve another one by now.
    if (this.#answer?.complete && this.#outgoing?.writableFinished) return;
    this.#cancelled = true;
    this.#outgoing?.destroy();
  }
}
