import { after } from 'node:test';

/** Whatever can promise to call back when it ends: a test's context, a suite's, or the file. */
export interface Scope {
  after(fn: () => void | Promise<void>): void;
}

/** For what all tests of one file share; also where a test or a hook asks for it. */
export const fileScope: Scope = { after: (fn) => void whenFileEnds.push(fn) };

const whenFileEnds: Array<() => void | Promise<void>> = [];
// Registered here, at import: inside a test `after` would mean the end of that test.
after(async () => {
  for (const fn of whenFileEnds) await fn();
});

const cleanups = new WeakMap<Scope, Array<() => unknown>>();

/**
 * Runs `fn` when the scope ends, last registered first. node:test runs its own hooks in order of
 * registration, which would remove a directory before the process that writes to it has ended.
 */
export function onEnd(scope: Scope, fn: () => unknown): void {
  const known = cleanups.get(scope);
  if (known) {
    known.push(fn);
    return;
  }
  const stack = [fn];
  cleanups.set(scope, stack);
  scope.after(() => {
    cleanups.delete(scope);
    return unwind(stack);
  });
}

async function unwind(stack: Array<() => unknown>): Promise<void> {
  const failures: unknown[] = [];
  for (let fn = stack.pop(); fn; fn = stack.pop()) {
    try {
      await fn();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, 'several cleanups failed');
}
