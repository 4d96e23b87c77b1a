import { formatDuration, parseDuration } from './duration.ts';
import { parseBytes } from './reserve.ts';

/** So many in a window. */
export interface Rate {
  points: number;
  windowMs: number;
}

/** What is limited. null: not at all. */
export interface BudgetValues {
  /** Manifests that are read. */
  pulls: Rate | null;
  requests: Rate | null;
  tokens: Rate | null;
  /** At once. */
  uploads: number | null;
  /** At once. */
  connections: number | null;
  /** Bytes per second of bodies, both ways together. */
  bandwidth: number | null;
}

export type BudgetName = keyof BudgetValues;

export interface BudgetType<Value> {
  expected: string;
  /** @returns undefined when the text is no such value. */
  parse(text: string): Value | undefined;
  format(value: Value): string;
}

const leastBandwidth = 64 * 1024;

/** `600/1m`; windows of 1 s to 24 h. */
export function parseRate(text: string): Rate | undefined {
  const match = /^([1-9][0-9]{0,8})\/(.+)$/.exec(text);
  const windowMs = match ? parseDuration(match[2]!) : undefined;
  if (!windowMs || windowMs < 1000 || windowMs > parseDuration('24h')!) return undefined;
  return Object.freeze({ points: Number(match![1]), windowMs });
}

export const budgetRate: BudgetType<Rate | null> = {
  expected: 'off, or a number per window of 1s to 24h, such as 600/1m',
  parse: (text) => (text === 'off' ? null : parseRate(text)),
  format: (value) => (value ? `${value.points}/${formatDuration(value.windowMs)}` : 'off'),
};

export const budgetCount: BudgetType<number | null> = {
  expected: 'off, or a whole number from 1 to 1000000',
  parse: (text) => {
    if (text === 'off') return null;
    const value = /^[0-9]{1,7}$/.test(text) ? Number(text) : 0;
    return value >= 1 && value <= 1_000_000 ? value : undefined;
  },
  format: (value) => String(value ?? 'off'),
};

/** The least is what keeps many paced streams from looking idle. */
export const bandwidth: BudgetType<number | null> = {
  expected: 'off, or bytes per second such as 10MiB/s, from 64KiB/s',
  parse: (text) => {
    if (text === 'off') return null;
    const bytes = text.endsWith('/s') ? parseBytes(text.slice(0, -2)) : undefined;
    return bytes !== undefined && bytes >= leastBandwidth ? bytes : undefined;
  },
  format: (value) => (value === null ? 'off' : `${formatBytes(value)}/s`),
};

export const budgetTypes: { [Name in BudgetName]: BudgetType<BudgetValues[Name]> } = {
  pulls: budgetRate,
  requests: budgetRate,
  tokens: budgetRate,
  uploads: budgetCount,
  connections: budgetCount,
  bandwidth,
};

export const budgetNames = Object.keys(budgetTypes) as BudgetName[];

function formatBytes(bytes: number): string {
  const [unit, size] =
    [['GiB', 2 ** 30] as const, ['MiB', 2 ** 20] as const].find(([, size]) => bytes % size === 0) ??
    (['KiB', 2 ** 10] as const);
  return `${bytes / size}${unit}`;
}
