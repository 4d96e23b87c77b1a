import { type Database, openDatabase } from '../../runtime/sqlite.ts';
import { endTurn, oncePerTurn } from '../../runtime/turn.ts';
import { migrations } from './schema.ts';

/** Milliseconds since 1970, by the clock of the database. */
export const sqlNow = `CAST(unixepoch('subsec') * 1000 AS INTEGER)`;

/** users.db, which changes only when rights do. */
export interface UsersDatabase {
  connection: Database;
  /**
   * Another value after every change, whoever made it: what was read under an older one may no longer be true.
   * Some µs, so it is asked on every request; there is no time-to-live anywhere. It is read once for all that runs
   * before this process hears of anything new: a request that came before that was sent before that.
   */
  version(): number;
  /** One IMMEDIATE transaction. */
  write<Result>(work: () => Result): Result;
  close(): void;
}

/** Opens users.db, creating and migrating it where necessary. */
export function openUsersDatabase(path: string): UsersDatabase {
  const connection = openDatabase(path, { migrations, synchronous: 'FULL' });
  // What a rotation or a revocation removes is gone from the file, not only from the table.
  connection.pragma('secure_delete = ON');
  const dataVersion = connection.prepare<[], number>('PRAGMA data_version').pluck();
  // data_version tells of the commits of other connections, not of this one's own.
  let ownWrites = 0;
  return {
    connection,
    // Both only ever grow.
    version: oncePerTurn(() => dataVersion.get()! + ownWrites),
    write: (work) => {
      ownWrites += 1;
      endTurn();
      try {
        return connection.transaction(work).immediate();
      } finally {
        endTurn();
      }
    },
    close: () => connection.close(),
  };
}
