/**
 * Mann–Whitney, two-sided, by the normal approximation (good from some 20 values on).
 * @returns the probability of ranks as uneven as these, if both samples were of one kind.
 */
export function rankTest(one: readonly number[], other: readonly number[]): number {
  const values = [
    ...one.map((value) => ({ value, isOne: true })),
    ...other.map((value) => ({ value, isOne: false })),
  ].sort((a, b) => a.value - b.value);
  let ranksOfOne = 0;
  let ties = 0;
  for (let start = 0; start < values.length; ) {
    let end = start;
    while (end < values.length && values[end]!.value === values[start]!.value) end++;
    const rank = (start + 1 + end) / 2;
    ranksOfOne += rank * values.slice(start, end).filter(({ isOne }) => isOne).length;
    ties += (end - start) ** 3 - (end - start);
    start = end;
  }
  const [n, m] = [one.length, other.length];
  const total = n + m;
  const expected = (n * (total + 1)) / 2;
  const variance = ((n * m) / 12) * (total + 1 - ties / (total * (total - 1)));
  return variance === 0 ? 1 : 2 * upperTail(Math.abs(ranksOfOne - expected) / Math.sqrt(variance));
}

/** Of the standard normal distribution (Abramowitz and Stegun 26.2.17; the error is under 1e-7). */
function upperTail(z: number): number {
  const t = 1 / (1 + 0.2316419 * z);
  const series = [0.31938153, -0.356563782, 1.781477937, -1.821255978, 1.330274429];
  const sum = series.reduce((total, factor, index) => total + factor * t ** (index + 1), 0);
  return (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * sum;
}
