/**
 * What pulls and pushes notice of a full collection: the same work without and with one beside it.
 *
 *     npm run bench:gc-latency -- [blobs] [clients]        default: 200000 4
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeImages } from '../../cli/selftest/images.ts';
import { RegistryClient } from '../../cli/selftest/registry-client.ts';
import { BIN, type RunningRegistry, startRegistry } from '../registry.ts';
import { buildGatehouse } from './build-store.ts';
import { measure } from './measure.ts';

const [blobs = 200_000, clients = 4] = process.argv.slice(2).map(Number);
const quietMs = 10_000;

interface Latencies {
  pull: number[];
  push: number[];
}

const root = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'));
let registry: RunningRegistry | undefined;
try {
  const data = join(root, 'data');
  buildGatehouse(data, blobs, true);
  registry = await startRegistry(data);
  const client = new RegistryClient(registry, clients);
  await work(client, until(2000));
  const quiet = await work(client, until(quietMs));
  const collection = measure(process.execPath, [BIN, 'gc', '--json', '--data', data]);
  let isRunning = true;
  const ended = collection.finally(() => {
    isRunning = false;
  });
  const busy = await work(client, () => isRunning);
  const report = JSON.parse((await ended).stdout);
  client.close();
  console.log(
    `${blobs} blobs, all due, ${report.blobs_swept} swept in ${report.duration_ms} ms; ${clients} clients; ms\n`,
  );
  console.log('| | requests/s | p50 | p99 | max |\n|---|---|---|---|---|');
  for (const kind of ['pull', 'push'] as const) {
    show(`${kind}, no collection`, quiet[kind], quietMs);
    show(`${kind}, full collection`, busy[kind], report.duration_ms);
  }
  const ratio = (kind: keyof Latencies) =>
    (quantile(busy[kind], 0.99) / quantile(quiet[kind], 0.99)).toFixed(2);
  console.log(`\np99 with / without: pull ${ratio('pull')}, push ${ratio('push')}`);
} finally {
  await registry?.stop();
  rmSync(root, { recursive: true, force: true });
}

function until(ms: number): () => boolean {
  const end = performance.now() + ms;
  return () => performance.now() < end;
}

/** Each client in turn pushes an image and pulls it, every request timed by itself. */
async function work(client: RegistryClient, goesOn: () => boolean): Promise<Latencies> {
  const seen: Latencies = { pull: [], push: [] };
  const timed = async (kind: keyof Latencies, request: () => Promise<unknown>) => {
    const startedAt = performance.now();
    await request();
    seen[kind].push(performance.now() - startedAt);
  };
  // Without children and signatures: manifests and blobs alone.
  const images = makeImages(40).filter(({ children, referrers }) => children.length + referrers.length === 0);
  await Promise.all(
    Array.from({ length: clients }, async (_, number) => {
      for (let turn = number; goesOn(); turn++) {
        const image = images[turn % images.length]!;
        const repository = `latency/c${number}`;
        for (const { digest, bytes } of image.blobs) {
          await timed('push', () => client.upload(repository, digest, bytes));
        }
        await timed('push', () => client.putManifest(repository, image, image.tag));
        await timed('pull', () => client.pullExactly(`${repository}/manifests/${image.tag}`, image.digest));
        for (const { digest } of image.blobs) {
          await timed('pull', () => client.pullExactly(`${repository}/blobs/${digest}`, digest));
        }
      }
    }),
  );
  return seen;
}

function show(name: string, times: number[], durationMs: number): void {
  const figures = [quantile(times, 0.5), quantile(times, 0.99), Math.max(...times)].map((ms) =>
    ms.toFixed(1),
  );
  console.log(`| ${name} | ${Math.round((times.length * 1000) / durationMs)} | ${figures.join(' | ')} |`);
}

function quantile(times: number[], share: number): number {
  const sorted = times.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}
