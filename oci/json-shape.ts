import { OciError } from './errors.ts';

/** Real manifests have about six levels. */
const maxDepth = 64;
/** Members of objects and entries of lists: ten for each of as many descriptors as one list may have. */
const maxValues = 200_000;

const [quote, comma, backslash] = [0x22, 0x2c, 0x5c];
const [openList, closeList, openObject, closeObject] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * Refuses JSON whose shape alone would keep a process busy: 4 MiB of nothing but brackets take `JSON.parse` up to a
 * second, this look at them 5 ms. What is no JSON may pass; the parser refuses it.
 * @throws OciError MANIFEST_INVALID
 */
export function checkJsonShape(bytes: Uint8Array): void {
  let [depth, values, inString] = [0, 0, false];
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (inString) {
      if (byte === backslash) at++;
      else if (byte === quote) inString = false;
    } else if (byte === quote) {
      inString = true;
    } else if (byte === comma) {
      values++;
    } else if (byte === openList || byte === openObject) {
      values++;
      if (++depth > maxDepth) throw tooMuch(`be nested at most ${maxDepth} levels deep`, { maxDepth });
    } else if (byte === closeList || byte === closeObject) {
      depth--;
    }
    if (values > maxValues) throw tooMuch(`hold at most ${maxValues} values`, { maxValues });
  }
}

function tooMuch(what: string, detail: object): OciError {
  return new OciError('MANIFEST_INVALID', { message: `a manifest may ${what}`, detail });
}
