/**
 * Gatehouse against what people run today, on the same machine and in the same run: `npm run bench -- --help`.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Samples } from './compare.ts';
import { describeMachine } from './machine.ts';
import { measure } from './measure.ts';
import { help, type Options, readOptions } from './options.ts';
import { coresOfOthers } from './others.ts';
import { heading, line } from './report.ts';
import { listed } from './rows/lists.ts';
import type { Row } from './rows/row.ts';
import { dockerRegistry } from './servers/docker-registry.ts';
import { gatehouse } from './servers/gatehouse.ts';
import { makeMaterials } from './servers/materials.ts';
import { nginx } from './servers/nginx.ts';
import type { Server, ServerKind, ServerName } from './servers/server.ts';
import { median } from './statistics.ts';
import { buildGatehouseStore } from './store/gatehouse-store.ts';
import { buildPeerStore } from './store/peer-store.ts';

const options = readOptions(process.argv.slice(2));
if (options) await main(options);
else console.log(help);

async function main(options: Options): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'));
  const running: Server[] = [];
  // Who interrupts it wants no server and no gigabytes left behind.
  const interrupted = new Promise<never>((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => reject(new Error(signal)));
  });
  try {
    await Promise.race([interrupted, run(root, options, running)]);
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 1;
  } finally {
    for (const server of running) await server.stop();
    rmSync(root, { recursive: true, force: true });
  }
  // An interrupted load may have more to say, to nobody.
  process.exit();
}

interface Outcome {
  samples: Samples;
  /** Cores that other programs took meanwhile, a figure for each round. */
  others: number[];
}

interface Result extends Outcome {
  row: string;
  unit: string;
}

async function run(root: string, options: Options, running: Server[]): Promise<void> {
  const kinds = await prepare(root, options.servers);
  if (options.rows.some(({ needsNames }) => needsNames)) for (const kind of kinds) putNames(kind);
  for (const kind of kinds) {
    console.log(`## ${kind.name}\n\n${kind.configuration}`);
    // The first start makes databases, certificates and caches of compiled code; what is measured is every later one.
    await (await kind.start()).stop();
    running.push(await kind.start());
  }
  for (const { name, pids } of running) console.log(`${name}: processes ${pids().join(' ')}`);
  const machine = describeMachine();
  console.log(`\n${machine}\n\n${heading}`);
  const configurations = Object.fromEntries(kinds.map(({ name, configuration }) => [name, configuration]));
  const results: Result[] = [];
  for (const row of options.rows) {
    const outcome = await attempt(row, running, options);
    if (!outcome) continue;
    console.log(line(row, outcome.samples, median(outcome.others)));
    results.push({ row: row.name, unit: row.unit, ...outcome });
    // After each row: who interrupts a long run keeps what there is.
    writeFileSync(options.json, JSON.stringify({ machine, configurations, results }, undefined, 2));
  }
}

async function prepare(root: string, names: readonly ServerName[]): Promise<ServerKind[]> {
  const materials = await makeMaterials(root);
  const make: Record<ServerName, () => ServerKind | Promise<ServerKind>> = {
    gatehouse: () => gatehouse(root, materials),
    'docker-registry': () => dockerRegistry(root, materials),
    nginx: () => nginx(root, materials),
  };
  return Promise.all(names.map((name) => make[name]()));
}

function putNames({ name, storage }: ServerKind): void {
  if (name === 'gatehouse') buildGatehouseStore(storage, listed);
  else buildPeerStore(storage, listed);
}

/** A row that fails says so, and the others go on. */
async function attempt(row: Row, servers: readonly Server[], options: Options): Promise<Outcome | undefined> {
  try {
    return await runRow(row, servers, options);
  } catch (error) {
    process.exitCode = 1;
    console.error(`\nFAILED: ${row.title}: ${(error as Error).message}\n`);
    return undefined;
  }
}

/** The servers in turn, another one first in each round. */
async function runRow(row: Row, servers: readonly Server[], options: Options): Promise<Outcome> {
  const { rounds, seconds } = options;
  const warmUps = row.isWarm ? 0 : options.warmUps;
  for (const server of servers) await row.prepare?.(server);
  const samples: Samples = {};
  const others: number[] = [];
  for (let round = -warmUps; round < rounds; round++) {
    if (round >= 0) others.push(await coresOfOthers());
    for (let turn = 0; turn < servers.length; turn++) {
      const server = servers[(turn + round + warmUps) % servers.length]!;
      const sample = await measure(row, server, seconds);
      if (round >= 0) samples[server.name] = [...(samples[server.name] ?? []), sample];
    }
  }
  return { samples, others };
}
