import { type Actor, ended, type Local, type Step, step, Violation } from './actor.ts';
import type { Operation, Result } from './operations.ts';
import type { Repository } from './universe.ts';

/**
 * Promises are counted in half leases since they were made: at most one may pass before they are used. Two: over,
 * or taken back by an explicit deletion.
 */
const over = 2;
const holds = (age: number | string | undefined) => age === 0 || age === 1;
const older = (age: number | string | undefined) => Math.min(over, Number(age) + 1);

/** Steps between which a client has no request under way. */
const betweenRequests = ['head blob', 'open', 'head child', 'put child', 'put', 'mount', 'end', 'wait'];

function observe(repository: Repository) {
  return (local: Local, operation: Operation, result: Result): Local => {
    const promises = ['blob', 'child'].filter((name) => local[name] !== undefined);
    const next: Record<string, number | string> = { ...local };
    if (operation.do === 'tick') for (const name of promises) next[name] = older(local[name]);
    if (operation.do === 'kill core' && !betweenRequests.includes(local.at)) return ended;
    if (result === 1 && 'repository' in operation && operation.repository === repository) {
      if (operation.do === 'blob.delete' && promises.includes('blob')) next['blob'] = over;
      if (operation.do === 'manifest.delete' && operation.manifest === 'c' && promises.includes('child')) {
        next['child'] = over;
      }
    }
    return next as Local;
  };
}

/** An actor whose requests the core answers, one after the other. */
export const client = (
  name: string,
  start: string,
  repository: Repository,
  steps: (local: Local) => Step[],
): Actor => ({
  name,
  start: { at: start },
  steps,
  observe: observe(repository),
  needsCore: () => true,
  isInRequest: ({ at }) => !betweenRequests.includes(at),
});

/** A PUT that relies on a promise. Refused while that holds, the promise was broken. */
export function put(local: Local, promise: string, operation: Operation, next: Local): Step[] {
  return step(operation, (accepted) => {
    if (accepted) return next;
    if (!holds(local[promise])) return ended;
    return new Violation('a manifest was refused although what it names was promised');
  });
}
