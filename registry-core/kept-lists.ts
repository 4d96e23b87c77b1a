import { RecentMap } from '../runtime/recent-map.ts';
import type { Answer } from './answer.ts';
import type { TextAnswer } from './handlers/responses.ts';
import type { Registry } from './metadata/registry.ts';

const maxBytes = 16 * 1024 * 1024;
/** Of headers and the objects around an answer, about. */
const bytesBesides = 1000;

interface Kept {
  version: number;
  answer: Answer;
}

/** Answers of lists, which take the longest of all to make, for as long as nothing in the store changes. */
export class KeptLists {
  readonly #registry: Pick<Registry, 'version'>;
  readonly #kept = new RecentMap<Kept>(maxBytes);

  constructor(registry: Pick<Registry, 'version'>) {
    this.#registry = registry;
  }

  /** @param key all that the answer depends on, but for the store. */
  async answer(key: string, make: () => Promise<TextAnswer>): Promise<Answer> {
    // Before it is made: the answer is then at worst newer than its version says.
    const version = this.#registry.version();
    const known = this.#kept.get(key);
    if (known?.version === version) return known.answer;
    const answer = await make();
    this.#kept.set(key, { version, answer }, key.length + answer.body.length + bytesBesides);
    return answer;
  }
}
