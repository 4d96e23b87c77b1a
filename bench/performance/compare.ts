import type { Sample } from './measure.ts';
import type { Bound, Row } from './rows/row.ts';
import type { ServerName } from './servers/server.ts';
import { median } from './statistics.ts';

/** Samples of each server, a round each: what stands at the same place was measured one after the other. */
export type Samples = Partial<Record<ServerName, Sample[]>>;

export interface Comparison {
  peer: ServerName;
  /** How many times as good as the better peer: the median of the rounds, as the machine changes its speed. */
  ratio: number;
  cpuShare: number;
}

/** @returns undefined where there is nothing to compare with. */
export function compare(row: Row, { gatehouse, ...peers }: Samples): Comparison | undefined {
  const [best] = Object.entries(peers)
    .map(([peer, samples]) => ({ peer: peer as ServerName, samples, value: medianOf(samples, 'value') }))
    .sort((left, right) => (row.better === 'higher' ? right.value - left.value : left.value - right.value));
  if (!gatehouse || !best) return undefined;
  const quotients = (field: 'value' | 'cpuSeconds') =>
    gatehouse.map((sample, round) => sample[field] / best.samples[round]![field]);
  const ratio = median(quotients('value'));
  return {
    peer: best.peer,
    ratio: row.better === 'higher' ? ratio : 1 / ratio,
    cpuShare: median(quotients('cpuSeconds')),
  };
}

export function medianOf(samples: readonly Sample[], field: 'value' | 'cpuSeconds' | 'peakMib'): number {
  return median(samples.map((sample) => sample[field]));
}

/** What is wanted and not reached, in words; none where all is. */
export function shortfalls({ target }: Row, samples: Samples, compared: Comparison | undefined): string[] {
  const { ratio = 0, cpuShare = Number.POSITIVE_INFINITY, bounds = {} } = target;
  const short = Object.entries(bounds)
    .filter(([name, bound]) => samples.gatehouse && !isWithin(figureOf(samples.gatehouse, name), bound))
    .map(([name, bound]) => boundText(name, bound));
  if (compared && compared.ratio < ratio) short.push(`${ratio}×`);
  if (compared && compared.cpuShare > cpuShare) short.push(`CPU ${cpuShare}×`);
  return short;
}

export function boundText(name: string, { atMost, atLeast }: Bound): string {
  return atMost === undefined ? `${name} ≥ ${atLeast}` : `${name} ≤ ${atMost}`;
}

function figureOf(samples: readonly Sample[], name: string): number {
  return median(samples.map(({ details, ...sample }) => ({ ...details, ...sample })[name] as number));
}

function isWithin(figure: number, { atMost, atLeast }: Bound): boolean {
  return figure <= (atMost ?? figure) && figure >= (atLeast ?? figure);
}
