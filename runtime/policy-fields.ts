import { isPattern } from '../oci/repository-pattern.ts';
import { isTagPattern } from '../oci/tag-pattern.ts';
import { parseDuration } from './duration.ts';
import type { ValueFault } from './value-fault.ts';

/** Each of them is looked up in the short transaction that removes others. */
const maxKeepLast = 1000;
const fieldNames = ['repositories', 'untagged', 'keep_last', 'keep', 'unused', 'protected'];

const expectedPattern = 'a pattern of repositories such as team-a/** or team-a/app';

/** The fields of one policy, each checked, faults told by their place. */
export class PolicyFields {
  readonly #fields: ReadonlyMap<string, unknown>;
  readonly #at: string;
  readonly #faults: ValueFault[];

  constructor(entry: unknown, at: string, faults: ValueFault[]) {
    const isMap = typeof entry === 'object' && entry !== null && !Array.isArray(entry);
    this.#fields = new Map(isMap ? Object.entries(entry) : []);
    this.#at = at;
    this.#faults = faults;
    if (!isMap) faults.push({ at, value: valueText(entry), expected: `a map of ${fieldNames.join(', ')}` });
    for (const name of this.#fields.keys()) {
      if (!fieldNames.includes(name)) this.refuse(name, `a known field: ${fieldNames.join(', ')}`);
    }
    if (isMap && !this.has('repositories')) this.refuse('repositories', expectedPattern);
  }

  has(name: string): boolean {
    return this.#fields.get(name) != null;
  }

  refuse(name: string, expected: string): undefined {
    this.#faults.push({ at: `${this.#at}.${name}`, value: valueText(this.#fields.get(name)), expected });
    return undefined;
  }

  pattern(name: string): string {
    const value = this.#fields.get(name);
    if (typeof value === 'string' && isPattern(value)) return value;
    if (this.has(name)) this.refuse(name, expectedPattern);
    return '';
  }

  duration(name: string, minimum: string): number | undefined {
    if (!this.has(name)) return undefined;
    const [least, most] = [parseDuration(minimum)!, parseDuration('36500d')!];
    const value = parseDuration(String(this.#fields.get(name)));
    if (value !== undefined && value >= least && value <= most) return value;
    return this.refuse(name, `a duration such as 12h or 30d, from ${minimum} to 36500d`);
  }

  count(name: string): number | undefined {
    if (!this.has(name)) return undefined;
    const value = Number(this.#fields.get(name));
    if (Number.isInteger(value) && value >= 0 && value <= maxKeepLast) return value;
    return this.refuse(name, `a whole number from 0 to ${maxKeepLast}`);
  }

  /** A list of texts only: YAML takes an unquoted 1.10 for the number 1.1. */
  tagPatterns(name: string): readonly string[] {
    const value = this.#fields.get(name) ?? [];
    const entries = Array.isArray(value) ? value : [value];
    if (!entries.every((entry) => typeof entry === 'string' && isTagPattern(entry))) {
      this.refuse(name, 'a list of tag patterns such as "v*", in quotes where they look like numbers');
      return Object.freeze([]);
    }
    return Object.freeze([...entries]);
  }
}

function valueText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}
