import assert from 'node:assert/strict';
import { join } from 'node:path';
import { openCollection } from '../../registry-core/metadata/collection.ts';
import { Reads } from '../../registry-core/metadata/reads.ts';
import { runBatch } from '../../registry-core/metadata/writer-thread.ts';
import { createWrites, type Writes } from '../../registry-core/metadata/writes.ts';
import { FilesystemStore } from '../../registry-core/storage/filesystem.ts';
import { readPolicies } from '../../runtime/retention-policies.ts';
import { openDatabase } from '../../runtime/sqlite.ts';
import { index } from '../gc/support.ts';
import { onEnd, type Scope } from '../support/scope.ts';
import { factReader } from './abstraction.ts';
import { startFacts, textOf } from './facts.ts';
import { memoryDirectory } from './memory-directory.ts';
import type { Operation } from './operations.ts';
import { realHandlers } from './real-operations.ts';
import { type Snapshot, Snapshots } from './snapshot.ts';
import type { Outcome, World } from './space.ts';
import { blobOf, blobs, type Key, manifest, sessionId } from './universe.ts';

/** Half a lease. Time stands still but for ticks, so that states are the same whenever they are reached. */
export const unitMs = 3_600_000;
const now = Date.now();
const retention = {
  leaseMs: 2 * unitMs,
  graceMs: 0,
  untaggedMs: 0,
  uploadExpiryMs: 2 * unitMs,
  trashMs: 0,
  policies: readPolicies('').policies,
};
export const context = { actor: 'explorer', requestId: '-', clientAddress: '-' };

/** The real store: the core's writes and the collector's on a connection each, to real files in memory. */
export async function openRealStore(scope: Scope) {
  const root = await memoryDirectory(scope);
  Date.now = () => now;
  const path = join(root, 'registry.db');
  const store = await FilesystemStore.open(root);
  const collection = openCollection(path, retention);
  onEnd(scope, () => collection.close());
  const [core, harness] = [openDatabase(path), openDatabase(path)];
  onEnd(scope, () => core.close());
  onEnd(scope, () => harness.close());
  const writes = createWrites(core, retention);
  return {
    root,
    store,
    collection,
    harness,
    reads: new Reads(core),
    facts: factReader(harness, { now, unitMs }),
    /** One write of the core, in the transaction that its writer thread would run. Refused: undefined. */
    write<Method extends keyof Writes>(
      method: Method,
      ...parameters: Parameters<Writes[Method]>
    ): { result: ReturnType<Writes[Method]> } | undefined {
      const [answer] = runBatch(core, writes, [{ id: 1, method, parameters }]);
      if (answer && 'result' in answer) return { result: answer.result as ReturnType<Writes[Method]> };
      const error = answer?.error;
      if (!error?.oci) throw new Error(`${method}: ${error?.message}`);
      return undefined;
    },
    /** Lets half a lease pass; what is over stays at "now", so that one state has one form. */
    tick(): void {
      for (const [table, column] of times) {
        harness.exec(`UPDATE ${table} SET ${column} = max(${now}, ${column} - ${unitMs})`);
      }
    },
  };
}

const times = [
  ['links', 'lease_until'],
  ['manifests', 'lease_until'],
  ['review', 'due_at'],
  ['upload_sessions', 'expires_at'],
] as const;

export type RealStore = Awaited<ReturnType<typeof openRealStore>>;
export type RealHandlers = ReturnType<typeof realHandlers>;

/** A world whose every operation runs on the real store, from a snapshot of the state that it starts in. */
export class RealWorld implements World {
  readonly start: string;
  readonly #store: RealStore;
  readonly #handlers: RealHandlers;
  readonly #snapshots: Snapshots;
  readonly #known = new Map<string, Snapshot>();
  #current: Snapshot;

  private constructor(store: RealStore, handlers: RealHandlers) {
    this.#store = store;
    this.#handlers = handlers;
    this.#snapshots = new Snapshots(store.harness, store.root);
    this.#current = this.#snapshots.take();
    this.start = this.#remember();
    assert.equal(this.start, textOf(startFacts()));
  }

  /** @param weaken replaces operations by weaker ones. */
  static async open(scope: Scope, weaken: (handlers: RealHandlers, store: RealStore) => void = () => {}) {
    const store = await openRealStore(scope);
    const handlers = realHandlers(store);
    await prepare(store, handlers);
    weaken(handlers, store);
    return new RealWorld(store, handlers);
  }

  async apply(state: string, operation: Operation): Promise<Outcome> {
    const wanted = this.#known.get(state)!;
    this.#snapshots.restore(wanted, this.#current, bytesOf);
    this.#current = wanted;
    return this.step(operation);
  }

  /** Goes back to the start; `step` goes on from there without putting any state back. */
  restart(): void {
    this.#snapshots.restore(this.#known.get(this.start)!, this.#current, bytesOf);
    this.#current = this.#snapshots.take();
  }

  async step(operation: Operation): Promise<Outcome> {
    const state = textOf(this.#store.facts(this.#current.files));
    const handler = this.#handlers[operation.do] as (state: string, operation: Operation) => unknown;
    const result = (await handler(state, operation)) as Outcome['result'];
    this.#current = this.#snapshots.take();
    return { result, next: this.#remember() };
  }

  #remember(): string {
    const text = textOf(this.#store.facts(this.#current.files));
    if (!this.#known.has(text)) this.#known.set(text, this.#current);
    return text;
  }
}

function bytesOf(file: string): Buffer {
  const [folder, ...rest] = file.split('/');
  const name = rest.join('/');
  const sessions = ['p', 'm', 'u', 's'] as const;
  const key =
    folder === 'uploads' ? sessions.find((session) => sessionId(session) === name)! : name.split('.')[1]!;
  return blobs[blobOf(key as Key)].bytes;
}

/** Pushes what is there at the start, and lets its leases end. An empty index keeps each repository. */
async function prepare(
  { write, tick, harness, collection }: RealStore,
  handlers: RealHandlers,
): Promise<void> {
  const run = (operation: Operation) =>
    (handlers[operation.do] as (state: string, operation: Operation) => unknown)('', operation);
  for (const repository of ['a', 'b']) {
    write('putManifest', { repository, ...manifest(index([])), tags: ['keep'] }, context);
  }
  await run({ do: 'session.open', session: 'p' });
  await run({ do: 'upload.create', session: 'p' });
  await run({ do: 'session.close', session: 'p', key: 'k0' });
  await run({ do: 'upload.rename', session: 'p', key: 'k0' });
  await run({ do: 'blob.commit', session: 'p', key: 'k0', broken: '' });
  await run({ do: 'manifest.put', repository: 'a', manifest: 'c', tag: '' });
  await run({ do: 'manifest.put', repository: 'a', manifest: 'i0', tag: 'latest' });
  tick();
  tick();
  while (!(await collection.mark(1000)).done);
  harness.exec('DELETE FROM events');
}
