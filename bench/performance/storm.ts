/**
 * A hundred pulls at once by themselves, during pushes, and during a full collection:
 * `npm run bench:storm -- [rounds] [blobs]`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildGatehouse } from '../gc/build-store.ts';
import { measure as runCommand } from '../gc/measure.ts';
import { BIN } from '../registry.ts';
import { Client } from './load/client.ts';
import { pushImage } from './load/push.ts';
import { measure, type Sample } from './measure.ts';
import { digits } from './report.ts';
import { putBlob } from './rows/content.ts';
import { runStorm, stormBytes } from './rows/pulls.ts';
import { newSmallImage } from './rows/pushes.ts';
import type { Row, Work } from './rows/row.ts';
import { gatehouse } from './servers/gatehouse.ts';
import { makeMaterials } from './servers/materials.ts';
import type { Server } from './servers/server.ts';
import { median } from './statistics.ts';

const [rounds = 3, blobs = 50_000] = process.argv.slice(2).map(Number);
const pushers = 4;

const common = { unit: 's', better: 'lower', per: 'GB', target: {} } as const;

/** Small images without a pause until the storm is over. */
async function duringPushes(server: Server): Promise<Work> {
  let isOver = false;
  let images = 0;
  const pushing = Promise.all(
    Array.from({ length: pushers }, async (_, number) => {
      const client = new Client(server);
      while (!isOver)
        await pushImage(client, server, `bench/beside${number}`, `v${images++}`, newSmallImage());
      client.close();
    }),
  );
  const work = await runStorm(server).finally(() => {
    isOver = true;
  });
  await pushing;
  return { ...work, details: { ...work.details, images } };
}

async function duringCollection(server: Server, data: string): Promise<Work> {
  const collecting = runCommand(process.execPath, [BIN, 'gc', '--json', '--data', data]);
  const work = await runStorm(server);
  const report = JSON.parse((await collecting).stdout);
  return {
    ...work,
    details: { ...work.details, swept: report.blobs_swept, collectionMs: report.duration_ms },
  };
}

function show(title: string, samples: readonly Sample[], alone: readonly Sample[]): string {
  const ratio = median(samples.map(({ value }, round) => value / alone[round]!.value)).toFixed(2);
  const details = Object.keys(samples[0]!.details).map((name) => {
    return `${name} ${samples.map((sample) => digits(sample.details[name]!)).join(' ')}`;
  });
  const memory = median(samples.map(({ peakMib }) => peakMib)).toFixed(0);
  const seconds = digits(median(samples.map(({ value }) => value)));
  return `${title}: ${seconds} s, ${ratio}×; ${memory} MiB; ${details.join('; ')}`;
}

const root = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'));
let server: Server | undefined;
try {
  const kind = gatehouse(root, await makeMaterials(root));
  // The first collection has all of it to do; the next ones have what is due, which is nothing.
  buildGatehouse(kind.storage, blobs, true);
  server = await kind.start();
  await putBlob(stormBytes)(server);
  const rows: Row[] = [
    { ...common, name: 'alone', title: 'by itself', run: runStorm },
    { ...common, name: 'pushes', title: `beside ${pushers} clients that push images`, run: duringPushes },
    {
      ...common,
      name: 'collection',
      title: `beside a collection (${blobs} blobs to look at in the first round)`,
      run: (asked) => duringCollection(asked, kind.storage),
    },
  ];
  const samples = new Map<Row, Sample[]>(rows.map((row) => [row, []]));
  for (let round = 0; round < rounds; round++) {
    for (const row of rows) samples.get(row)!.push(await measure(row, server, 0));
  }
  for (const row of rows) console.log(show(row.title, samples.get(row)!, samples.get(rows[0]!)!));
} finally {
  await server?.stop();
  rmSync(root, { recursive: true, force: true });
}
