import { OciError } from './errors.ts';

/** A byte range, both ends inclusive. */
export interface ByteRange {
  start: number;
  end: number;
}

/**
 * `Content-Range` of an upload chunk: `<start>-<end>`, inclusive (distribution-spec "Pushing a blob in chunks").
 * The `bytes ` prefix and `/total` suffix of RFC 9110 are tolerated, since clients send them.
 * @throws OciError RANGE_INVALID (400) when malformed.
 */
export function parseContentRange(text: string): ByteRange {
  const match = /^(?:bytes[ =])?([0-9]+)-([0-9]+)(?:\/(?:([0-9]+)|\*))?$/.exec(text.trim());
  const [start, end, total] = [Number(match?.[1]), Number(match?.[2]), Number(match?.[3] ?? Infinity)];
  if (!match || !Number.isSafeInteger(end) || end < start || end >= total) {
    throw new OciError('RANGE_INVALID', {
      status: 400,
      message: 'Content-Range must be <start>-<end>, in bytes, both inclusive',
      detail: { contentRange: text.slice(0, 100) },
    });
  }
  return { start, end };
}

/**
 * `Range` of a GET against a representation of `size` bytes (RFC 9110 section 14.2).
 * @returns the range; `undefined` when the header is to be ignored (other unit, malformed, several ranges);
 *   `'unsatisfiable'` when nothing of it exists, or it ends before it begins, which a server may reject
 *   (section 14.2) and the conformance suite wants rejected (416).
 */
export function parseRange(text: string, size: number): ByteRange | undefined | 'unsatisfiable' {
  const match = /^bytes=[ \t]*([0-9]*)-([0-9]*)[ \t]*$/i.exec(text);
  if (!match) return undefined;
  const [, first = '', last = ''] = match;
  if (first === '') {
    if (last === '') return undefined;
    const length = Number(last);
    if (length === 0 || size === 0) return 'unsatisfiable';
    return { start: Math.max(0, size - length), end: size - 1 };
  }
  const start = Number(first);
  if (start >= size || (last !== '' && Number(last) < start)) return 'unsatisfiable';
  return { start, end: last === '' ? size - 1 : Math.min(Number(last), size - 1) };
}

/** `Range` of an upload answer: the bytes held, `0-<last>`; an empty session says `0-0`, as its peers do. */
export function uploadRange(offset: number): string {
  return `0-${Math.max(0, offset - 1)}`;
}
