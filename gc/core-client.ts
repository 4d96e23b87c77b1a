import { Agent, type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { type Endpoint, formatEndpoint } from '../oci/endpoints.ts';
import { formatContext, internalHeaders, type RequestContext } from '../runtime/request-context.ts';
import { shortSocketPath } from '../runtime/socket-path.ts';

export interface CoreAnswer {
  status: number;
  headers: IncomingMessage['headers'];
  body: Buffer;
}

export interface CoreBody {
  type: string;
  content: Readable | Uint8Array;
}

/** Speaks to the core as the gateway does, so that what is brought back is accepted by the ordinary code. */
export interface CoreClient {
  /** @throws CoreUnreachable */
  send(endpoint: Endpoint, body?: CoreBody, headers?: OutgoingHttpHeaders): Promise<CoreAnswer>;
  close(): void;
}

/** There is no core, or it went away. */
export class CoreUnreachable extends Error {
  constructor(cause: unknown) {
    super('the registry does not answer', { cause });
    this.name = 'CoreUnreachable';
  }
}

export function connectCore(path: string, context: RequestContext): CoreClient {
  const socket = shortSocketPath(path);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return {
    async send(endpoint, body, headers = {}) {
      const outgoing = request({
        socketPath: socket.path,
        agent,
        method: endpoint.method,
        path: formatEndpoint(endpoint),
        headers: {
          [internalHeaders.context]: formatContext(context),
          ...(body ? { 'content-type': body.type } : {}),
          ...headers,
        },
      });
      const answered = new Promise<IncomingMessage>((resolve, reject) => {
        outgoing.once('response', resolve).on('error', (error) => reject(new CoreUnreachable(error)));
      });
      const [response] = await Promise.all([answered, sendBody(outgoing, body)]);
      return { status: response.statusCode!, headers: response.headers, body: await buffer(response) };
    },
    close() {
      agent.destroy();
      socket.close();
    },
  };
}

/** In chunks, since a file in the trash may be shorter than its row says; the digest tells. */
async function sendBody(outgoing: ReturnType<typeof request>, body: CoreBody | undefined): Promise<void> {
  if (body === undefined) outgoing.end();
  else if (body.content instanceof Uint8Array) outgoing.end(body.content);
  else {
    await pipeline(body.content, outgoing).catch((error) => {
      // That of the socket is told above.
      if (outgoing.errored !== error) throw error;
    });
  }
}

/** @throws Error with the core's own words when it answered something else. */
export function expectStatus(answer: CoreAnswer, status: number): void {
  if (answer.status === status) return;
  throw new Error(`${answer.status}: ${messageOf(answer.body)}`);
}

function messageOf(body: Buffer): string {
  try {
    return JSON.parse(body.toString()).errors[0].message;
  } catch {
    return 'no reason was given';
  }
}
