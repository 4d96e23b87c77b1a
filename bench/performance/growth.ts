/**
 * Whether a large store is as fast as a small one: `npm run bench:growth -- [rounds] [seconds] [row,row]`. The rows are
 * those of `npm run bench`, and one that reads every repository; all stores are asked in turn.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { wrk } from './load/wrk.ts';
import { measure, type Sample } from './measure.ts';
import { digits } from './report.ts';
import { putSmallImage } from './rows/content.ts';
import { rows as allRows } from './rows/index.ts';
import type { Row } from './rows/row.ts';
import { gatehouse } from './servers/gatehouse.ts';
import { makeMaterials } from './servers/materials.ts';
import type { Server } from './servers/server.ts';
import { median } from './statistics.ts';
import { buildGatehouseStore } from './store/gatehouse-store.ts';
import { commonImage } from './store/images.ts';

const tagsEach = 10;
const sizes = [100, 10_000, 100_000];

const [rounds = '5', seconds = '2', chosen = 'manifest-tag,many,head-blob,blob-1k,images-8,catalog-100'] =
  process.argv.slice(2);

interface Store {
  repositories: number;
  server: Server;
  samples: Sample[];
}

/** Rows of this comparison alone: what they ask depends on the store. */
function ownRows({ repositories }: Pick<Store, 'repositories'>): Row[] {
  const common = { better: 'higher', per: 'request', unit: 'requests/s', target: {} } as const;
  const bodyBytes = commonImage.manifest.length;
  return [
    {
      ...common,
      name: 'many',
      title: 'manifest GET by tag, any tag of any repository',
      async run(server, forSeconds) {
        const spread = { repositories, tagsEach };
        const load = { path: '/', clients: 64, seconds: forSeconds, bodyBytes, spread };
        const { requests, seconds: taken } = await wrk(server, load);
        return { value: requests / taken, count: requests };
      },
    },
    {
      ...common,
      name: 'catalog-100',
      title: 'catalog, pages of 100 names',
      async run(server, forSeconds) {
        const load = { path: '/v2/_catalog?n=100', clients: 8, seconds: forSeconds, bodyBytes: 1000 };
        const { requests, seconds: taken } = await wrk(server, load);
        return { value: requests / taken, count: requests };
      },
    },
  ];
}

function rowFor(name: string, store: Store): Row {
  const found = [...ownRows(store), ...allRows].find((row) => row.name === name);
  if (!found) throw new Error(`there is no row ${name}`);
  return found;
}

async function open(root: string, repositories: number): Promise<Store> {
  const directory = join(root, String(repositories));
  mkdirSync(directory);
  const kind = gatehouse(directory, await makeMaterials(directory));
  buildGatehouseStore(kind.storage, [{ prefix: 'grown', repositories, tagsEach }]);
  const server = await kind.start();
  // The first login compares a password, which is not what is measured.
  await putSmallImage(server);
  return { repositories, server, samples: [] };
}

async function compareStores(name: string, stores: readonly Store[]): Promise<string> {
  for (const store of stores) {
    const row = rowFor(name, store);
    await row.prepare?.(store.server);
    await measure(row, store.server, Number(seconds));
    store.samples = [];
  }
  for (let round = 0; round < Number(rounds); round++) {
    for (let turn = 0; turn < stores.length; turn++) {
      const store = stores[(turn + round) % stores.length]!;
      store.samples.push(await measure(rowFor(name, store), store.server, Number(seconds)));
    }
  }
  const [first] = stores;
  const { title, unit } = rowFor(name, first!);
  const cells = stores.map(({ samples }) => {
    const share = (field: 'value' | 'cpuSeconds') =>
      median(samples.map((sample, round) => sample[field] / first!.samples[round]![field])).toFixed(2);
    return `${digits(median(samples.map(({ value }) => value)))}; ${share('value')}×; CPU ${share('cpuSeconds')}×`;
  });
  return `| ${title}, ${unit} | ${cells.join(' | ')} |`;
}

const root = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'));
const stores: Store[] = [];
try {
  for (const repositories of sizes) stores.push(await open(root, repositories));
  const names = sizes.map((size) => `${size} repositories, ${size * tagsEach} tags`);
  console.log(`| row | ${names.join(' | ')} |\n|${'---|'.repeat(sizes.length + 1)}`);
  for (const name of chosen.split(',')) console.log(await compareStores(name, stores));
} finally {
  for (const { server } of stores) await server.stop();
  rmSync(root, { recursive: true, force: true });
}
