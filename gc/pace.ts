import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';

/**
 * Between two transactions: long enough for a waiting writer to get its turn (SQLite's busy handler polls).
 * @throws the signal's reason when the process is to stop; the next run goes on where this one was cut off.
 */
export async function breathe(signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await delay(2);
  signal?.throwIfAborted();
}

/** Between two batches that only read, for which no writer waits: this process's own timers get their turn. */
export async function giveTurn(signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await turn();
}
