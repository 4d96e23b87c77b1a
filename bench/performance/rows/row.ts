import type { Server, ServerName } from '../servers/server.ts';

export interface Work {
  /** In the row's unit. */
  value: number;
  /** What the processor's time is counted for: so many requests, GB, images. */
  count: number;
  details?: Readonly<Record<string, number>>;
}

/** What is wanted of Gatehouse, against the better of its peers. */
export interface Target {
  /** How many times as good the figure is. */
  ratio?: number;
  /** Share of the peer's processor time for the same work. */
  cpuShare?: number;
  peakMib?: number;
  /** Of the figure itself. */
  atMost?: number;
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
  /** Those that can do it; all, unless it is said. */
  servers?: readonly ServerName[];
  /** Puts on a server what the row needs; once. */
  prepare?(server: Server): Promise<void>;
  /** @throws Error when anything is answered in another way than it should be. */
  run(server: Server, seconds: number): Promise<Work>;
}
