import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Endpoint } from '../oci/endpoints.ts';
import type { Actor } from './identity/index.ts';
import type { Client } from './limits/policy.ts';
import type { ClientIdentity } from './tls/client-certificates.ts';

/** A request, its response, and what the steps of the chain have found out about them so far. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
  /** The client's address; behind a listed proxy, the one that the proxy names. */
  readonly clientAddress: string;
  /** Whether the client speaks HTTPS, to us or to a listed proxy. */
  readonly secure: boolean;
  /** `performance.now()` at arrival. */
  readonly startedAtMs: number;
  /** Which of a few kinds of request it is: an endpoint of the API or a route of our own. */
  route: string;
  /** What stands in the log: the target as it was understood, without what may be secret in a query. */
  logTarget: string;
  /** The validated `Host`, as it may stand in a URL. */
  authority: string;
  /** Of the registry API, once it is understood. */
  endpoint: Endpoint | undefined;
  /** What a token would have to be issued for, in the words of a challenge. */
  scope: string | undefined;
  /** What the client certificate says, when there is one. */
  client: ClientIdentity | undefined;
  /** Set when the credentials, or their absence, were found good. */
  actor: Actor | undefined;
  /** Whether it counts among the requests of somebody already. */
  isCounted: boolean;
}

/** Whom the limits take the request for: the account, else the address. */
export function limitedAs({ actor, clientAddress }: Exchange): Client {
  const account = actor && actor.kind !== 'anonymous' ? actor.name : undefined;
  return { address: clientAddress, account };
}

/** Answers with JSON. Errors are not answered here but thrown. */
export function sendJson(
  { request, response }: Exchange,
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
): void {
  const body = `${JSON.stringify(value)}\n`;
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    ...headers,
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** Answers with a text that nobody may take for anything else, and that is not kept. */
export function sendText({ method }: IncomingMessage, response: ServerResponse, text: string): void {
  response.writeHead(200, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(method === 'HEAD' ? undefined : text);
}
