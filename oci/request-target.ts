import { OciError } from './errors.ts';

export const maxTargetLength = 8192;
/** Of free text: no name or media type is longer, and escaped anew the target still keeps its own limit. */
const maxTextLength = 255;

/**
 * Path and query of a request target, apart. Also used for the edge routes, so that all share one reading.
 * @throws OciError URL_INVALID (414 when too long)
 */
export function splitTarget(target: string): { path: string; query: string } {
  if (target.length > maxTargetLength) {
    throw new OciError('URL_INVALID', {
      status: 414,
      message: `request target longer than ${maxTargetLength} bytes`,
    });
  }
  if (!target.startsWith('/') || /[\u0000-\u0020\u007f-\uffff\\#]/.test(target)) {
    throw new OciError('URL_INVALID', { message: 'the request target must be an absolute path in ASCII' });
  }
  const mark = target.indexOf('?');
  return mark < 0
    ? { path: target, query: '' }
    : { path: target.slice(0, mark), query: target.slice(mark + 1) };
}

/** Decoded after splitting, so that an encoded slash can never become a separator. */
export function decodeSegment(segment: string): string {
  if (!segment.includes('%')) return segment;
  const decoded = decode(segment);
  if (!decoded.includes('/')) return decoded;
  throw new OciError('URL_INVALID', { message: 'an encoded slash is no separator' });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new OciError('URL_INVALID', { message: 'malformed percent-encoding in the path' });
  }
}

/** A query string, read once. A parameter that takes one value and comes twice is an error. */
export class Parameters {
  readonly #values: URLSearchParams;

  constructor(query: string) {
    this.#values = new URLSearchParams(query);
  }

  one(name: string): string | undefined {
    const values = this.#values.getAll(name);
    if (values.length > 1) {
      throw new OciError('PARAMETER_INVALID', {
        message: 'query parameter given more than once',
        detail: { parameter: name },
      });
    }
    return values[0];
  }

  text(name: string): string | undefined {
    const value = this.one(name);
    if (value === undefined || value.length <= maxTextLength) return value;
    throw new OciError('PARAMETER_INVALID', {
      message: `query parameter longer than ${maxTextLength} characters`,
      detail: { parameter: name },
    });
  }

  all(name: string): string[] {
    return this.#values.getAll(name);
  }
}

/** The value under its key, or nothing: what `exactOptionalPropertyTypes` wants of an absent parameter. */
export function optional<Key extends string, Value>(
  key: Key,
  text: string | undefined,
  parse: (text: string) => Value,
): { [key in Key]?: Value } {
  return text === undefined ? {} : ({ [key]: parse(text) } as { [key in Key]?: Value });
}

export type Entry = readonly [string, string | undefined];

export function formatQuery(entries: readonly Entry[]): string {
  const given = entries.filter((entry): entry is readonly [string, string] => entry[1] !== undefined);
  if (given.length === 0) return '';
  return `?${given.map(([key, value]) => `${key}=${encodeURIComponent(value)}`).join('&')}`;
}
