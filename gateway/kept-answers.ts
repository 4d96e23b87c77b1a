import type { ReadQuestion } from '../runtime/read-messages.ts';
import { RecentMap } from '../runtime/recent-map.ts';
import type { CoreAnswer, CoreMessages } from './core-messages.ts';

/** Reads of the core, of which what is asked often is kept here. */
export interface CoreReads {
  /**
   * @param anew what is kept was found wrong.
   * @returns undefined when it has to be asked over HTTP.
   */
  ask(question: ReadQuestion, anew?: boolean): Promise<CoreAnswer | undefined>;
}

interface Kept {
  answer: CoreAnswer;
  version: string;
  /** On the monotonic clock. */
  endsAt: number;
}

const maxBytes = 16 * 1024 * 1024;
/** Of a key, headers and the objects around them, about. */
const bytesBesideBody = 1500;
/** With these the core compares, or cuts. */
const deciding = ['if-match', 'if-none-match', 'if-range', 'range'];

/**
 * Answers are given again only when it was seen, since the request came, that the core's store is still the one that
 * they were made from: in its witness, or by a small question to the core for all requests of the same moment. So
 * nothing is told that the core would not tell, and the reads of a hundred nodes that pull the same image cost it nothing.
 */
export function keepAnswers(messages: CoreMessages): CoreReads {
  const kept = new RecentMap<Kept>(maxBytes);
  return {
    async ask(question, anew = false) {
      const key = keyOf(question);
      if (key === undefined) return messages.ask(question);
      const known = anew ? undefined : kept.get(key);
      // Before the question: the answer is then at worst newer than what was seen.
      const seen = messages.seenVersion();
      if (known && performance.now() < known.endsAt) {
        const version = seen ?? (await messages.version());
        if (version === known.version) return known.answer;
      }
      kept.delete(key);
      const askedAt = performance.now();
      const answer = await messages.ask(question);
      if (answer?.keep) {
        const version = seen ?? answer.keep.version;
        // A body as it came is part of all that was received with it.
        const own = { ...answer, body: Buffer.from(answer.body) };
        const entry = { answer: own, version, endsAt: askedAt + answer.keep.ms };
        kept.set(key, entry, own.body.length + bytesBesideBody);
      }
      return answer;
    },
  };
}

/** @returns undefined for a question whose answer is for whoever asks. */
function keyOf({ method, target, headers, context }: ReadQuestion): string | undefined {
  if (context.readable || context.ownerOnly) return undefined;
  for (const name of deciding) if (headers[name] !== undefined) return undefined;
  return `${method} ${headers.accept} ${target}`;
}
