/** How long to wait before what failed is tried again. */
export interface BackOff {
  firstMs: number;
  maximumMs: number;
  /** A run that was ready for this long ends the series of failures. */
  resetAfterMs: number;
}

export const defaultBackOff: BackOff = { firstMs: 250, maximumMs: 10_000, resetAfterMs: 60_000 };

/** @param failures how many runs of the series failed before this one. */
export function backOffMs(failures: number, { firstMs, maximumMs }: BackOff): number {
  return Math.min(firstMs * 2 ** Math.min(failures, 30), maximumMs);
}
