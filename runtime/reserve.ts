/** Free space to keep: bytes, a share of the file system, or the smaller of both. */
export interface Reserve {
  bytes?: number;
  /** 0.05 for 5 % */
  share?: number;
  /** As it was written. */
  text: string;
}

const unitBytes: Record<string, number> = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };

/** `1GiB`, `5%`, both separated by a comma, or `0`. @returns undefined for anything else. */
export function parseReserve(text: string): Reserve | undefined {
  if (text === '0') return Object.freeze({ bytes: 0, text });
  const reserve: Reserve = { text };
  for (const entry of text.split(',').map((part) => part.trim())) {
    const bytes = parseBytes(entry);
    const share = parseShare(entry);
    if (bytes !== undefined && reserve.bytes === undefined) reserve.bytes = bytes;
    else if (share !== undefined && reserve.share === undefined) reserve.share = share;
    else return undefined;
  }
  return Object.freeze(reserve);
}

/** Bytes to keep free on a file system of this size. */
export function reserveOf({ bytes, share }: Pick<Reserve, 'bytes' | 'share'>, totalBytes: number): number {
  return Math.min(
    bytes ?? Number.POSITIVE_INFINITY,
    Math.floor((share ?? Number.POSITIVE_INFINITY) * totalBytes),
  );
}

/** `1GiB` in bytes. @returns undefined for anything else. */
export function parseBytes(text: string): number | undefined {
  const match = /^([0-9]{1,6}(?:\.[0-9]{1,3})?)(KiB|MiB|GiB|TiB)$/.exec(text);
  return match ? Math.round(Number(match[1]) * unitBytes[match[2]!]!) : undefined;
}

function parseShare(text: string): number | undefined {
  const match = /^([0-9]{1,2}(?:\.[0-9]{1,3})?)%$/.exec(text);
  return match ? Number(match[1]) / 100 : undefined;
}
