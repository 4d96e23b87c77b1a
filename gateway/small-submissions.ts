import { Readable } from 'node:stream';
import { maxQuestionBodyBytes } from '../runtime/read-messages.ts';
import type { CoreRequest } from './core-request.ts';

/** Of all bodies that are collected at once: many that come slowly are not to take the memory of the machine. */
const maxHeldBytes = 32 * 1024 * 1024;

/** Bodies that fit into a message, collected before the core hears of them. */
export class SmallSubmissions {
  #held = 0;

  /** Whether the request may go as a message: its body, if any, is announced and small. */
  takes({ headers }: CoreRequest): boolean {
    const length = headers['content-length'];
    return length !== undefined && Number(length) <= maxQuestionBodyBytes && this.#held < maxHeldBytes;
  }

  /** Collects the body, and gives its place back when `use` has ended. */
  async with<Result>(
    { body, headers }: CoreRequest,
    use: (bytes: Buffer) => Promise<Result>,
  ): Promise<Result> {
    const bytes = Number(headers['content-length']);
    this.#held += bytes;
    try {
      return await use(body ? await collect(body) : Buffer.alloc(0));
    } finally {
      this.#held -= bytes;
    }
  }
}

async function collect(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  // Not destroyed by an error of ours, since the connection is kept.
  for await (const chunk of body.iterator({ destroyOnReturn: false })) chunks.push(chunk as Buffer);
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}

/** The same request, to be streamed after all. */
export function streamed(request: CoreRequest, bytes: Buffer): CoreRequest {
  return request.body ? { ...request, body: Readable.from([bytes]) } : request;
}
