import type { Blob, Key, Manifest, Repository, Session } from './universe.ts';

/**
 * Everything that happens in one piece: a transaction, a point read, a file operation, or time that passes. Actors
 * ask for operations and decide by their results what comes next; worlds carry them out.
 */
export type Operation =
  // Point reads of the core. Results: the blob's key and whether its lease is fresh, or ''.
  | { do: 'blob.read'; repository: Repository; blob: Blob }
  | { do: 'blob.stored'; blob: Blob }
  | { do: 'manifest.read'; repository: Repository; manifest: Manifest }
  | { do: 'session.read'; session: Session }
  | { do: 'session.closing' }
  // Transactions of the core.
  | { do: 'link.renew'; repository: Repository; blob: Blob }
  | { do: 'blob.damaged'; key: Key }
  | { do: 'blob.mount'; repository: Repository; blob: Blob; from: Repository }
  | { do: 'blob.delete'; repository: Repository; blob: Blob }
  | { do: 'session.open'; session: Session }
  | { do: 'session.close'; session: Session; key: Key }
  | { do: 'session.closeUnrecorded'; session: Session; key: Key }
  | { do: 'session.cancel'; session: Session }
  | { do: 'blob.commit'; session: Session; key: Key; broken: Key | '' }
  | { do: 'doomed.forget'; kind: 'blob' | 'upload'; name: Key }
  | { do: 'manifest.renew'; repository: Repository; manifest: Manifest }
  | { do: 'manifest.put'; repository: Repository; manifest: Manifest; tag: string }
  | { do: 'manifest.delete'; repository: Repository; manifest: Manifest }
  | { do: 'tag.delete'; repository: Repository; tag: string }
  // Files, by core, collector and gateway.
  | { do: 'upload.create'; session: Session }
  | { do: 'upload.rename'; session: Session; key: Key }
  | { do: 'upload.discard'; session: Session }
  | { do: 'upload.whole'; session: Session; key: Key }
  | { do: 'file.write'; key: Key }
  | { do: 'file.size'; key: Key }
  | { do: 'file.open'; key: Key; repository: Repository }
  | { do: 'file.remove'; key: Key }
  // What the core does at a start with the bytes that are in its journal: for a session that is closing, and for the rest.
  | { do: 'journal.restore'; session: Session; key: Key }
  | { do: 'journal.settle' }
  // Transactions and reads of the collector. Lists are `x:k0,y:s` or `k0,p`.
  | { do: 'gc.expire' }
  | { do: 'gc.mark' }
  | { do: 'gc.condemned'; after: string }
  | { do: 'gc.remove'; key: Key }
  | { do: 'gc.forgetCondemned'; list: string }
  | { do: 'gc.doomed'; kind: 'blob' | 'upload'; after: string }
  | { do: 'gc.forgetDoomed'; kind: 'blob' | 'upload'; list: string }
  // What only a weaker collector or undo would do.
  | { do: 'weak.list' }
  | { do: 'weak.condemn'; list: string }
  | { do: 'weak.restore'; key: Key }
  // Half a lease passes; a process is killed.
  | { do: 'tick' }
  | { do: 'kill core' }
  | { do: 'kill collector' };

export type Name = Operation['do'];
export type Of<N extends Name> = Extract<Operation, { do: N }>;
/** 0 is "no", "refused" or "not there". */
export type Result = number | string;

/** Operations by name, as a world carries them out. */
export type Handlers<Context, Out> = { [N in Name]: (context: Context, operation: Of<N>) => Out };

export function describe({ do: name, ...parameters }: Operation): string {
  const values = Object.values(parameters).filter((value) => value !== '');
  return [name, ...values].join(' ');
}
