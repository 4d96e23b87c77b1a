import type { Socket } from 'node:net';
import { OciError } from '../../oci/errors.ts';
import { canonicalAddress } from '../proxied/networks.ts';
import type { Counters } from './counters.ts';
import { quietMs, type Refusals } from './refuse.ts';
import type { BudgetFinder } from './rules.ts';

export interface ConnectionParts {
  find: BudgetFinder;
  counters: Counters;
  refusals: Refusals;
  isProxy(address: string): boolean;
  /** @returns whom a PROXY header named; undefined: who connected. */
  sourceOf(socket: Socket): string | undefined;
}

/**
 * Counts the connections of an address, TLS handshakes included. One that is too many is closed without a word: an
 * answer would cost the handshake that the limit is there to save. Those of a trusted proxy carry many clients, except
 * where each begins with a PROXY header, which names the one.
 */
export function limitConnections({ find, counters, refusals, isProxy, sourceOf }: ConnectionParts) {
  return async (socket: Socket): Promise<void> => {
    const address = sourceOf(socket) ?? canonicalAddress(socket.remoteAddress ?? '');
    // It is gone already when it has none.
    if (address === '' || isProxy(address)) return;
    const budget = find('connections', { address, account: undefined });
    if (!budget) return;
    const hold = await counters.hold(budget.key, budget.limit);
    if (hold && socket.destroyed) return hold.release();
    if (hold) socket.once('close', () => hold.release());
    try {
      refusals.decide(budget, hold !== undefined, () => new OciError('TOOMANYREQUESTS'), quietMs);
    } catch {
      socket.destroy();
    }
  };
}
