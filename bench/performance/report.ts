import { boundText, compare, medianOf, type Samples, shortfalls } from './compare.ts';
import type { Sample } from './measure.ts';
import type { Row, Target } from './rows/row.ts';
import { serverNames } from './servers/server.ts';
import { median } from './statistics.ts';

export const heading = `| row | ${serverNames.join(' | ')} | ratio | CPU share | wanted | | others' cores |
|${'---|'.repeat(serverNames.length + 6)}`;

/** A line of the table: what each server did, and how Gatehouse stands against the better of its peers. */
export function line(row: Row, samples: Samples, coresOfOthers: number): string {
  const compared = compare(row, samples);
  const missing = shortfalls(row, samples, compared);
  const cells = [
    `${row.title}, ${row.unit}`,
    ...serverNames.map((name) => cell(row, samples[name])),
    compared ? `${digits(compared.ratio)}×` : '–',
    compared && Number.isFinite(compared.cpuShare) ? `${compared.cpuShare.toFixed(2)}×` : '–',
    wanted(row.target),
    compared ? (missing.length > 0 ? `**not ${missing.join(', ')}**` : 'reached') : '–',
    coresOfOthers.toFixed(1),
  ];
  return `| ${cells.join(' | ')} |`;
}

function cell({ per }: Row, samples: readonly Sample[] | undefined): string {
  if (!samples) return '–';
  const values = samples.map(({ value }) => value);
  const spread = samples.length > 1 ? ` (${digits(Math.min(...values))}–${digits(Math.max(...values))})` : '';
  const cpu = medianOf(samples, 'cpuSeconds');
  const details = Object.keys(samples[0]!.details).map((name) => {
    const figure = digits(median(samples.map((sample) => sample.details[name]!)));
    return `${name} ${figure}`;
  });
  const parts = [
    `${digits(median(values))}${spread}`,
    ...(cpu > 0 ? [`${cpu < 0.1 ? `${digits(cpu * 1e6)} µs` : `${digits(cpu)} s`} CPU/${per}`] : []),
    `${medianOf(samples, 'peakMib').toFixed(0)} MiB`,
    ...details,
  ];
  return parts.join('; ');
}

function wanted({ ratio, cpuShare, bounds = {} }: Target): string {
  const parts = [
    ...(ratio === undefined ? [] : [`≥ ${ratio}×`]),
    ...(cpuShare === undefined ? [] : [`CPU ≤ ${cpuShare}×`]),
    ...Object.entries(bounds).map(([name, bound]) => boundText(name, bound)),
  ];
  return parts.join(', ');
}

/** Three digits that count. */
export function digits(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)));
}
