/** The largest first. */
const unitMs: Record<string, number> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** `90s`, `15m`, `24h`, `7d`, `0` → milliseconds. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  const match = /^([0-9]{1,9}(?:\.[0-9]{1,3})?)(ms|s|m|h|d)$/.exec(text);
  return match ? Math.round(Number(match[1]) * unitMs[match[2]!]!) : undefined;
}

/** A duration as the configuration writes it: `24h`, `90s`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0';
  const [unit, size] = Object.entries(unitMs).find(([, size]) => ms % size === 0) ?? ['ms', 1];
  return `${ms / size}${unit}`;
}
