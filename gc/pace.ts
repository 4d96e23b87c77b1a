import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import type { Collection } from '../registry-core/metadata/collection.ts';

/**
 * Between two transactions: those who push get their turn.
 * @throws the signal's reason when the process is to stop; the next run goes on where this one was cut off.
 */
export async function breathe(collection: Collection, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await delay(await collection.restMs());
  signal?.throwIfAborted();
}

/** Between two batches that only read, for which no writer waits: this process's own timers get their turn. */
export async function giveTurn(signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await turn();
}
