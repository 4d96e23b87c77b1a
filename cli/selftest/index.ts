import { mkdirSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { watchCollection } from '../../gc/index.ts';
import type { Config } from '../../runtime/config-schema.ts';
import { Collections } from './collections.ts';
import { RegistryClient } from './registry-client.ts';
import { type Scratch, startScratch } from './scratch.ts';
import { Soak } from './soak.ts';
import { judge, type SoakReport } from './verdict.ts';

export type { SoakReport } from './verdict.ts';

const leaseMs = 5000;

/**
 * Starts a registry of its own beside the configured one, on the same disks, and works on it while collections run
 * without a pause: pushes that share, mount, sign and skip, pulls, deletions, and uploads of exactly what a
 * collection is removing. Every answer is checked. Then all is deleted, and nothing may be left.
 * @param signal ends the work early; what it saw until then is judged all the same.
 */
export async function soak(config: Config, durationMs: number, signal: AbortSignal): Promise<SoakReport> {
  mkdirSync(config.data, { recursive: true, mode: 0o700 });
  const scratch = await startScratch(config, leaseMs);
  const startedAt = performance.now();
  try {
    const report = await work(scratch, durationMs, signal);
    return { ...report, duration_ms: Math.round(performance.now() - startedAt) };
  } finally {
    await scratch.end();
  }
}

async function work(scratch: Scratch, durationMs: number, signal: AbortSignal): Promise<SoakReport> {
  const client = new RegistryClient(scratch.address, Soak.connections);
  const watch = watchCollection(scratch.config);
  const collections = new Collections(scratch.config);
  const soak = new Soak(client, watch, leaseMs);
  try {
    collections.start();
    await soak.run(AbortSignal.any([signal, AbortSignal.timeout(durationMs)]));
    await soak.pullAll();
    await soak.deleteAll();
    await collections.stop();
    const { events, uploads } = client;
    const filesLeft = await settle(scratch, collections);
    const { refused, broken, chases: _, latePushes, ...counts } = soak.counts;
    const seen = {
      ...counts,
      events,
      collections: collections.counts.runs,
      blobs_uploaded: uploads,
      blobs_swept: collections.counts.swept,
      bytes_freed: collections.counts.bytesFreed,
      repushed_while_condemned: await watch.revived(),
      late_pushes: latePushes,
      refused_pushes: refused.length,
      broken_pulls: broken.length,
      files_left: filesLeft,
    };
    const failures = judge(seen, [...refused, ...broken, ...collections.counts.errors]);
    return { passed: failures.length === 0, failures, duration_ms: 0, ...seen };
  } finally {
    await collections.stop();
    await watch.close();
    client.close();
  }
}

/** Two runs after all leases are over nothing may be there any more. @returns how many files are. */
async function settle({ config }: Scratch, collections: Collections): Promise<number> {
  await delay(leaseMs + 1000);
  await collections.run();
  await collections.run();
  const folders = ['blobs', 'uploads'].map((name) => join(config['storage.root'], name));
  const entries = await Promise.all(
    folders.map((folder) => readdir(folder, { recursive: true, withFileTypes: true })),
  );
  return entries.flat().filter((entry) => entry.isFile()).length;
}
