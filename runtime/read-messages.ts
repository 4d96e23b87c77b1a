import type { Endpoint } from '../oci/endpoints.ts';
import type { RequestContext } from './request-context.ts';

/** What the gateway asks the core as a message (see `messages.ts`): a small read, or a push whose body comes with it. */
export interface ReadQuestion {
  method: string;
  target: string;
  /** Names in lower case, as for the request that would be sent over HTTP. */
  headers: Record<string, string>;
  context: RequestContext;
}

/** Asks for the store's version alone, which a `VersionAnswer` tells. */
export interface VersionQuestion {
  version: true;
}

/** The answer; its body comes after it. */
export interface ReadAnswer {
  /** 0: nothing was done; to be asked over HTTP. */
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
  /** Absent: the answer is for this one question. */
  keep?: Keep;
}

/** For how many milliseconds the answer may be given again, while the store still has the version that it is from. */
export interface Keep {
  version: string;
  ms: number;
}

/** Another one after every change of what answers are made from, and after every start of the core. */
export interface VersionAnswer {
  version: string;
  /** Where the store has one. */
  witness?: Witness;
}

/**
 * A file whose beginning is another after every change of the store, before anybody is told of the change: who has looked
 * at it may look again instead of asking for the version. It is there for as long as the core is.
 */
export interface Witness {
  path: string;
  /** So many, from the first. */
  bytes: number;
}

/** A larger body goes over HTTP, where it waits in the core for a client that reads slowly. */
export const maxAnswerBytes = 64 * 1024;

/** A larger body goes over HTTP, as it comes. */
export const maxQuestionBodyBytes = 64 * 1024;

/** Reads whose answers are small, mostly. */
export function isSmallRead(kind: Endpoint['kind'], method: string): boolean {
  return (
    (method === 'GET' || method === 'HEAD') && (kind === 'manifest' || kind === 'blob' || kind === 'base')
  );
}

/** The steps of a push, whose answers are small. */
export function isSubmission(kind: Endpoint['kind'], method: string): boolean {
  if (kind === 'manifest') return method === 'PUT';
  return (kind === 'uploads' || kind === 'upload') && ['POST', 'PATCH', 'PUT'].includes(method);
}
