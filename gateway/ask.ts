import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Endpoint } from '../oci/endpoints.ts';
import { isSmallRead, isSubmission } from '../runtime/read-messages.ts';
import type { HotBlobs } from './blobs/hot.ts';
import type { BodyDeadlines } from './body-deadlines.ts';
import { askCore, isRepeatable, unavailable } from './core.ts';
import type { CoreAnswer, CoreMessages } from './core-messages.ts';
import type { CoreRequest } from './core-request.ts';
import type { CoreReads } from './kept-answers.ts';
import type { Pull } from './limits/pulls.ts';
import type { CoreProxy } from './proxy.ts';
import { type SmallSubmissions, streamed } from './small-submissions.ts';

/** Where the core is, and what it is asked with. */
export interface Upstream {
  proxy: CoreProxy;
  reads: CoreReads;
  messages: CoreMessages;
  submissions: SmallSubmissions;
  /** Where the core keeps `blobs/`. */
  storageRoot: string;
  hotBlobs: HotBlobs;
  deadlines: BodyDeadlines;
}

/** What a client asks of the core. */
export interface UpstreamQuestion {
  request: IncomingMessage;
  response: ServerResponse;
  endpoint: Endpoint;
  pull: Pull | undefined;
  /** What an earlier answer said turned out not to be so. */
  anew?: boolean;
}

/** Over HTTP, its body to come; or as a message, with its body. */
export type UpstreamAnswer = IncomingMessage | CoreAnswer;

/** An answer over HTTP holds its connection until it was read. */
export function discard(answer: UpstreamAnswer): void {
  if (!('body' in answer)) answer.resume();
}

/**
 * A pull is settled before its answer goes out, as one that counts or as one that does not.
 * @throws OciError (408) when the client is too slow with its body; else as `askCore`.
 */
export async function askUpstream(
  upstream: Upstream,
  toCore: CoreRequest,
  question: UpstreamQuestion,
): Promise<UpstreamAnswer> {
  const { pull } = question;
  if (!pull) return ask(upstream, toCore, question);
  try {
    const answer = await ask(upstream, toCore, question);
    await pull.answered(answer.statusCode!, answer.headers['content-type']);
    return answer;
  } catch (error) {
    await pull.answered(0, undefined);
    throw error;
  }
}

/** Small reads and small pushes go as messages, everything else over HTTP. */
async function ask(
  upstream: Upstream,
  toCore: CoreRequest,
  { request, response, endpoint: { kind }, anew }: UpstreamQuestion,
): Promise<UpstreamAnswer> {
  const { proxy, reads, deadlines, submissions } = upstream;
  const { method, target, headers, context } = toCore;
  // One that is paced comes through a stream which does not end when the client goes away.
  const isPaced = toCore.body !== undefined && toCore.body !== request;
  const isSmallPush = !isPaced && isSubmission(kind, method) && submissions.takes(toCore);
  const send = () => (isSmallPush ? submit(upstream, toCore, response) : askCore(proxy, toCore, response));
  if (toCore.body) {
    const body = deadlines.watch(request, kind === 'manifest' ? 'manifest' : 'upload');
    try {
      return await Promise.race([send(), body.late]);
    } finally {
      body.stop();
    }
  }
  if (isSmallPush) return send();
  const answer = isSmallRead(kind, method)
    ? await reads.ask({ method, target, headers, context }, anew)
    : undefined;
  return answer ?? askCore(proxy, toCore, response);
}

/**
 * A push with its body as one message, where it is small. What may have been carried out is not sent again, but where
 * that does no harm.
 * @throws OciError UNAVAILABLE when the core died meanwhile.
 */
async function submit(
  { proxy, messages, submissions }: Upstream,
  toCore: CoreRequest,
  response: ServerResponse,
): Promise<UpstreamAnswer> {
  const answer = await submissions.with(toCore, async (small, bytes) => {
    const { method, target, headers, context } = small;
    const taken = await messages.submit({ method, target, headers, context }, bytes).catch((error) => {
      if (!isRepeatable(small)) throw unavailable(error);
    });
    return taken ?? askCore(proxy, streamed(small, bytes), response);
  });
  return answer ?? askCore(proxy, toCore, response);
}
