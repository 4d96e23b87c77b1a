import type { IncomingHttpHeaders } from 'node:http';

/**
 * What the gateway tells the core about a request. The core stores it with what the request changes and looks at
 * nothing of it but `readable` and `ownerOnly`.
 */
export interface RequestContext {
  actor: string;
  requestId: string;
  clientAddress: string;
  /** Patterns of the repositories that the caller may pull, for catalog and anonymous mount. Absent: none. */
  readable?: readonly string[];
  /** The request may concern nothing but an upload session of this very actor. */
  ownerOnly?: true;
}

/** Header names between gateway and core. None of them is taken from a client or sent to one. */
export const internalHeaders = {
  context: 'x-gatehouse-context',
  /** Request: the gateway opens blob files itself. */
  sendfile: 'x-sendfile-type',
  /** Answer: the file, relative to the storage root. */
  accel: 'x-accel-redirect',
  /** Answer: `start-end/size` of the part to send. */
  accelRange: 'x-gatehouse-accel-range',
} as const;

export const sendfileType = 'X-Accel-Redirect';

export function formatContext(context: RequestContext): string {
  return Buffer.from(JSON.stringify(context)).toString('base64url');
}

/** Without the header (a core that runs alone) nothing is readable and the actor is unknown. */
export function parseContext(headers: IncomingHttpHeaders): RequestContext {
  const text = headers[internalHeaders.context];
  if (typeof text !== 'string') return { actor: '-', requestId: '-', clientAddress: '-' };
  return JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as RequestContext;
}
