import { OciError } from '../../oci/errors.ts';

/**
 * A request or its answer. It has to be JSON: between two processes it goes as text.
 * @param worker which one asks, for the primary; in a worker, 0: the primary.
 */
// biome-ignore lint/suspicious/noExplicitAny: each service knows its own payload.
export type Handler = (payload: any, worker: number) => unknown;

/** A worker's end: what it asks of the one process that keeps what all workers share. */
export interface Channel {
  /** 32 bytes that the workers of a gateway have in common, made anew at each of its starts. */
  readonly sharedSecret: Buffer;
  /** @throws Error with the handler's message; `ChannelError` when there is no answer. */
  call<Reply>(service: string, payload?: unknown): Promise<Reply>;
  /** One way. Never waits, never throws; calls and posts arrive in the order in which they were made. */
  post(service: string, payload?: unknown): void;
  /** Answers `askAll`. */
  serve(service: string, handler: Handler): void;
  /** Resolves when what was posted before has arrived, or nobody is there for it any more. */
  settle(): Promise<void>;
}

/** The other end, in the primary. */
export interface Hub {
  readonly sharedSecret: Buffer;
  /** Answers `call` and takes what comes by `post`. */
  serve(service: string, handler: Handler): void;
  /** The answers of the workers that give one; one that dies or fails meanwhile is left out. */
  askAll<Reply>(service: string, payload?: unknown): Promise<Reply[]>;
  /** Tells of each worker that is gone: what it held is free. */
  onGone(listener: (worker: number) => void): void;
}

/** What the primary itself serves to its workers. */
export const ownServices = {
  secret: 'workers.secret',
  sockets: 'workers.sockets',
  sync: 'workers.sync',
} as const;

/** The other process is gone, or does not answer in time. Whoever asked for something meanwhile may try again. */
export class ChannelError extends OciError {
  constructor(why: string) {
    super('UNAVAILABLE', {
      message: `${why}; try again in ${retryAfterSeconds} seconds`,
      headers: { 'Retry-After': `${retryAfterSeconds}` },
    });
    this.name = 'ChannelError';
  }
}

const retryAfterSeconds = 2;
