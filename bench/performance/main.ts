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
import { heading, line } from './report.ts';
import type { Row } from './rows/row.ts';
import { dockerRegistry } from './servers/docker-registry.ts';
import { gatehouse } from './servers/gatehouse.ts';
import { makeMaterials } from './servers/materials.ts';
import { nginx } from './servers/nginx.ts';
import type { Server, ServerKind, ServerName } from './servers/server.ts';

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

async function run(root: string, options: Options, running: Server[]): Promise<void> {
  const kinds = await prepare(root, options.servers);
  for (const kind of kinds) {
    console.log(`## ${kind.name}\n\n${kind.configuration}`);
    running.push(await kind.start());
  }
  for (const { name, pids } of running) console.log(`${name}: processes ${pids().join(' ')}`);
  const machine = describeMachine();
  console.log(`\n${machine}\n\n${heading}`);
  const results = await runAll(options, running);
  const configurations = Object.fromEntries(kinds.map(({ name, configuration }) => [name, configuration]));
  writeFileSync(options.json, JSON.stringify({ machine, configurations, results }, undefined, 2));
}

async function prepare(root: string, names: readonly ServerName[]): Promise<ServerKind[]> {
  const materials = await makeMaterials(root);
  const make: Record<ServerName, () => ServerKind | Promise<ServerKind>> = {
    gatehouse: () => gatehouse(root, materials.htpasswd),
    'docker-registry': () => dockerRegistry(root, materials),
    nginx: () => nginx(root, materials),
  };
  return Promise.all(names.map((name) => make[name]()));
}

async function runAll({ rows, rounds, seconds }: Options, servers: readonly Server[]) {
  const results: { row: string; unit: string; samples: Samples }[] = [];
  for (const row of rows) {
    try {
      const samples = await runRow(row, servers, rounds, seconds);
      results.push({ row: row.name, unit: row.unit, samples });
      console.log(line(row, samples));
    } catch (error) {
      process.exitCode = 1;
      console.error(`\nFAILED: ${row.title}: ${(error as Error).message}\n`);
    }
  }
  return results;
}

/** The servers in turn, another one first in each round. */
async function runRow(
  row: Row,
  servers: readonly Server[],
  rounds: number,
  seconds: number,
): Promise<Samples> {
  const able = servers.filter(({ name }) => row.servers?.includes(name) ?? true);
  for (const server of able) await row.prepare?.(server);
  const samples: Samples = {};
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < able.length; turn++) {
      const server = able[(turn + round) % able.length]!;
      const sample = await measure(row, server, seconds);
      samples[server.name] = [...(samples[server.name] ?? []), sample];
    }
  }
  return samples;
}
