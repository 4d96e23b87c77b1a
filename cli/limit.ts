import type { Call } from './command.ts';
import { UsageError } from './errors.ts';

/** `-n N` of commands that list: entries of each kind, 0 for all. @throws UsageError */
export function limitOf({ values }: Call, fallback = 20): number {
  const text = values.get('limit') ?? String(fallback);
  if (!/^[0-9]{1,9}$/.test(text)) throw new UsageError('--limit: expected a whole number; 0 for all');
  return Number(text) || 999_999_999;
}
