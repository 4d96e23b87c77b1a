import type { ServerResponse } from 'node:http';
import type { Rate } from '../../runtime/budgets.ts';
import type { Count } from './counters.ts';
import type { Budget } from './rules.ts';

/** Clients that wait for `Retry-After` would hang for longer windows; they may ask again sooner, and be told again. */
const maxRetryAfterSeconds = 60;

export function retryAfter(ms: number): string {
  return `${Math.min(seconds(ms), maxRetryAfterSeconds)}`;
}

export function seconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000));
}

/** `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10). */
export function rateLimitFields(
  { name, limit }: Budget<'pulls' | 'requests' | 'tokens'>,
  { used, resetMs }: Count,
): Record<string, string> {
  const windowSeconds = limit.windowMs / 1000;
  return {
    'RateLimit-Policy': `"${name}";q=${limit.points};w=${windowSeconds}`,
    RateLimit: `"${name}";r=${remaining(limit, used)};t=${Math.max(0, Math.ceil(resetMs / 1000))}`,
  };
}

/** What Docker Hub sends with manifests (docs.docker.com, "Docker Hub usage and limits"), and the fields above. */
export function pullFields(budget: Budget<'pulls'>, count: Count): Record<string, string> {
  const { limit, who } = budget;
  const window = `w=${limit.windowMs / 1000}`;
  return {
    'RateLimit-Limit': `${limit.points};${window}`,
    'RateLimit-Remaining': `${remaining(limit, count.used)};${window}`,
    'Docker-RateLimit-Source': who,
    ...rateLimitFields(budget, count),
  };
}

/** Into an answer that is on its way. */
export function tellPulls(response: ServerResponse, budget: Budget<'pulls'>, count: Count): void {
  const fields = pullFields(budget, count);
  for (const name in fields) response.setHeader(name, fields[name]!);
}

function remaining({ points }: Rate, used: number): number {
  return Math.max(0, points - used);
}
