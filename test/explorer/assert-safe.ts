import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Exploration } from './explore.ts';

/**
 * How far to go. `EXPLORER_BOUNDS=real` takes the named bounds over the real store as well (minutes), `large` still
 * larger ones over both (an hour).
 */
export const bounds = boundsOf(process.env['EXPLORER_BOUNDS'] ?? 'small');

function boundsOf(text: string): 'small' | 'real' | 'large' {
  assert.ok(text === 'small' || text === 'real' || text === 'large', `EXPLORER_BOUNDS=${text}`);
  return text;
}

export function assertSafe(t: TestContext, found: Exploration): void {
  const { states, transitions, storeStates, executed, seconds, violation } = found;
  t.diagnostic(
    `${states} states, ${transitions} steps; ${storeStates} states of the store, ${executed} operations on it; ${seconds.toFixed(1)} s`,
  );
  if (violation) assert.fail([violation.message, ...violation.trace].join('\n  '));
  assert.ok(states > 10_000, 'too few states to show anything');
}
