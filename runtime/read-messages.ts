import type { RequestContext } from './request-context.ts';

/** What the gateway asks the core as a message (see `messages.ts`): a GET or HEAD without a body. */
export interface ReadQuestion {
  method: string;
  target: string;
  /** Names in lower case, as for the request that would be sent over HTTP. */
  headers: Record<string, string>;
  context: RequestContext;
}

/** The answer; its body comes after it. */
export interface ReadAnswer {
  /** 0: to be asked over HTTP. */
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
}

/** A larger body goes over HTTP, where it waits in the core for a client that reads slowly. */
export const maxAnswerBytes = 64 * 1024;
