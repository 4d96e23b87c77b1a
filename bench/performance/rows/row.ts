import type { Server } from '../servers/server.ts';

export interface Work {
  /** In the row's unit. */
  value: number;
  /** What the processor's time is counted for: so many requests, GB, images. */
  count: number;
  details?: Readonly<Record<string, number>>;
}

export interface Bound {
  atMost?: number;
  atLeast?: number;
}

/** What is wanted of Gatehouse. */
export interface Target {
  /** How many times as good as the better of its peers. */
  ratio?: number;
  /** Share of that peer's processor time for the same work. */
  cpuShare?: number;
  /** Of the value, of peakMib, or of a detail, whatever the peers do. */
  bounds?: Readonly<Record<string, Bound>>;
}

/** One line of the table. */
export interface Row {
  name: string;
  title: string;
  unit: string;
  better: 'higher' | 'lower';
  /** What the processor's time is given for. */
  per: string;
  target: Target;
  /** Whether the stores have to be full of names from the beginning. */
  needsNames?: boolean;
  /** Whether a round that does not count is not needed: what it does is large, or as in the rows before. */
  isWarm?: boolean;
  /** Whether it takes minutes, however short the turns. */
  isLong?: boolean;
  /** Puts on a server what the row needs. */
  prepare?(server: Server): Promise<void>;
  /** @throws Error when anything is answered in another way than it should be. */
  run(server: Server, seconds: number): Promise<Work>;
}
