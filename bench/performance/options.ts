import { parseArgs } from 'node:util';
import { rows } from './rows/index.ts';
import type { Row } from './rows/row.ts';
import { type ServerName, serverNames } from './servers/server.ts';

export interface Options {
  rows: readonly Row[];
  servers: readonly ServerName[];
  rounds: number;
  /** Rounds before those that count: code is compiled, caches are filled. */
  warmUps: number;
  /** Of a load that goes on for a time. */
  seconds: number;
  json: string;
}

export const help = `npm run bench -- [options]

  --rows a,b       only these: ${rows.map(({ name }) => name).join(', ')}
  --only a,b       only these servers: ${serverNames.join(', ')}
  --quick          one round, short ones, without the rows of memory under connections: some three minutes
  --rounds N       how often each server has its turn (5)
  --seconds N      how long a load goes on (3)
  --warm-up N      rounds before those that count (1)
  --json FILE      where the figures go (bench.json)`;

/** @throws Error in words for whoever typed it. */
export function readOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rows: { type: 'string' },
      only: { type: 'string' },
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      'warm-up': { type: 'string', default: '1' },
      json: { type: 'string', default: 'bench.json' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const { quick } = values;
  return {
    rows: chosen(values.rows, rows, ({ name }) => name).filter((row) => values.rows || !quick || !row.isLong),
    servers: chosen(values.only, serverNames, (name) => name),
    rounds: number(values.rounds ?? (quick ? '1' : '5'), '--rounds'),
    warmUps: number(values['warm-up'], '--warm-up'),
    seconds: number(values.seconds ?? (quick ? '1' : '3'), '--seconds'),
    json: values.json,
  };
}

function chosen<T>(list: string | undefined, all: readonly T[], nameOf: (item: T) => string): readonly T[] {
  if (list === undefined) return all;
  return list.split(',').map((name) => {
    const found = all.find((item) => nameOf(item) === name);
    if (!found) throw new Error(`there is no ${name}; there are ${all.map(nameOf).join(', ')}`);
    return found;
  });
}

function number(text: string, flag: string): number {
  if (!/^\d+$/.test(text)) throw new Error(`${flag}: ${text} is no number`);
  return Number(text);
}
