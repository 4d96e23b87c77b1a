import { Readable } from 'node:stream';
import { maxQuestionBodyBytes } from '../runtime/read-messages.ts';
import { collectBody } from './collect-body.ts';
import type { CoreRequest } from './core-request.ts';

/** Of all bodies that are collected at once: many that come slowly are not to take the memory of the machine. */
const maxHeldBytes = 32 * 1024 * 1024;

/** Bodies that fit into a message, collected before the core hears of them. */
export class SmallSubmissions {
  #held = 0;

  /** Whether the request may go as a message: its body, if any, is announced and small, or may turn out to be. */
  takes(request: CoreRequest): boolean {
    return announced(request) <= maxQuestionBodyBytes && this.#held < maxHeldBytes;
  }

  /**
   * Collects the body, and gives its place back when `use` has ended.
   * @param use is given the request as it is now known: of this length.
   * @returns undefined when the body is not small after all. Then all of it is to be read from the request as before.
   */
  async with<Result>(
    request: CoreRequest,
    use: (request: CoreRequest, bytes: Buffer) => Promise<Result>,
  ): Promise<Result | undefined> {
    const reserved = announced(request);
    this.#held += reserved;
    try {
      const bytes = request.body ? await collectBody(request.body, maxQuestionBodyBytes) : Buffer.alloc(0);
      return bytes && (await use(ofLength(request, bytes.length), bytes));
    } finally {
      this.#held -= reserved;
    }
  }
}

/** In bytes, at the most. docker announces no length: its bodies come in chunks. */
function announced({ headers }: CoreRequest): number {
  return headers['transfer-encoding'] ? maxQuestionBodyBytes : Number(headers['content-length']);
}

function ofLength(
  { headers: { 'transfer-encoding': _, ...headers }, ...request }: CoreRequest,
  bytes: number,
) {
  return { ...request, headers: { ...headers, 'content-length': `${bytes}` } };
}

/** The same request, to be streamed after all. */
export function streamed(request: CoreRequest, bytes: Buffer): CoreRequest {
  return request.body ? { ...request, body: Readable.from([bytes]) } : request;
}
