import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { RequestContext } from '../runtime/request-context.ts';

/** What a handler gets to see of a request, however it came. */
export interface Question {
  method: string;
  /** Names in lower case. */
  headers: IncomingHttpHeaders;
  context: RequestContext;
}

/** A question with a body, as it comes or as a whole. */
export interface Submission extends Question {
  body: Readable | Uint8Array;
}

/** What a handler answers; whoever took the request sends it. Errors are thrown. */
export interface Answer {
  status: number;
  /** Of a body that is here as a whole, and of none, the length is added when it is sent. */
  headers: OutgoingHttpHeaders;
  /** A stream comes with its `Content-Length`. To a HEAD nothing of it is sent. */
  body?: Uint8Array | Readable;
  /**
   * How long whoever asked may give the same answer to the same question, for as long as the store's version stays.
   * Milliseconds. Absent: not at all.
   */
  keepMs?: number;
}

/** The headers as they go out. */
export function sentHeaders({ status, headers, body }: Answer): OutgoingHttpHeaders {
  // RFC 9110 section 8.6: none in a 204, and in a 304 only that of the content.
  if (status === 204 || status === 304 || headers['Content-Length'] !== undefined) return headers;
  return { ...headers, 'Content-Length': body instanceof Uint8Array ? body.length : 0 };
}

/** Sends an answer over HTTP. */
export async function sendAnswer(response: ServerResponse, answer: Answer): Promise<void> {
  const { body } = answer;
  const isHead = response.req.method === 'HEAD';
  response.writeHead(answer.status, sentHeaders(answer));
  if (isHead || body === undefined || body instanceof Uint8Array) {
    response.end(isHead ? undefined : body);
    return;
  }
  // A reader that goes away is an everyday case, and a cut connection is all that can still be said to others.
  await pipeline(body, response).catch(() => response.destroy());
}
