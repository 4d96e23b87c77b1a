import type { Database } from '../../runtime/sqlite.ts';
import type { Rest } from './rest.ts';

/** The two ways in which the collector's transactions are committed. */
export interface Durability {
  /** What was committed survives power loss. */
  durably<Result>(work: () => Result): Result;
  /**
   * Most of what a run decides is decided again by the next one if power loss undoes it, in the order of the log: so
   * it waits for no disk, and takes none from those who push. What must last first says so: `makeDurable`.
   */
  undurably<Result>(work: () => Result): Result;
}

export function durabilityOf(database: Database, rest: Rest): Durability {
  const durably = <Result>(work: () => Result): Result =>
    rest.during(() => database.transaction(work).immediate());
  return {
    durably,
    undurably(work) {
      database.pragma('synchronous = NORMAL');
      try {
        return durably(work);
      } finally {
        database.pragma('synchronous = FULL');
      }
    },
  };
}
