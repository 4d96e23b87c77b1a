/**
 * What a collection costs, against docker-registry's collector on the same images:
 *
 *     npm run bench:gc -- [blobs …]        default: 1000 10000 50000 1000000
 *
 * Needs docker-registry in PATH for the peer's column, Linux, and some GB under $TMPDIR for a million.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Report } from '../../gc/index.ts';
import { BIN } from '../registry.ts';
import { buildGatehouse, buildPeer } from './build-store.ts';
import { type Measured, measure } from './measure.ts';

/** Beyond this the peer's own tree of directories takes longer to make than anybody waits. */
const peerLimit = 50_000;

const compileCache = mkdtempSync(join(tmpdir(), 'gatehouse-bench-cache-'));
process.on('exit', () => rmSync(compileCache, { recursive: true, force: true }));

const wanted = process.argv.slice(2).map(Number);
const sizes = wanted.length > 0 ? wanted : [1000, 10_000, 50_000, 1_000_000];
const hasPeer = spawnSync('docker-registry', ['--version']).status === 0;

console.log(
  '| blobs | garbage | run | in it | processor | peak | run with all due | in it | run with nothing to do | in it | peer | processor | peak | ratio | of processor |',
);
console.log(`|${'---|'.repeat(15)}`);
await row(100);
for (const blobs of sizes) console.log(await row(blobs));

async function row(blobs: number): Promise<string> {
  const root = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'));
  try {
    const built = buildGatehouse(join(root, 'first'), blobs, false);
    const full = await collect(join(root, 'first'), built.garbage);
    const idle = await collect(join(root, 'first'), 0);
    rmSync(join(root, 'first'), { recursive: true });
    buildGatehouse(join(root, 'second'), blobs, true);
    const all = await collect(join(root, 'second'), built.garbage);
    rmSync(join(root, 'second'), { recursive: true });
    const peer = hasPeer && blobs <= peerLimit ? await collectPeer(join(root, 'peer'), blobs) : undefined;
    return `| ${[
      built.blobs,
      built.garbage,
      ...[full, all, idle].flatMap(({ measured, report }, index) => [
        seconds(measured.seconds),
        seconds(report.duration_ms / 1000),
        ...(index === 0 ? [seconds(measured.cpuSeconds), mib(measured)] : []),
      ]),
      ...(peer
        ? [
            seconds(peer.seconds),
            seconds(peer.cpuSeconds),
            mib(peer),
            ratio(peer.seconds, full.measured.seconds),
            ratio(peer.cpuSeconds, full.measured.cpuSeconds),
          ]
        : ['–', '–', '–', '–', '–']),
    ].join(' | ')} |`;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** A whole process, from the command line to its exit, as the peer is measured; compiled code as on the second day. */
async function collect(data: string, garbage: number): Promise<{ measured: Measured; report: Report }> {
  spawnSync('sync');
  const measured = await measure(process.execPath, [BIN, 'gc', '--json', '--data', data], {
    NODE_COMPILE_CACHE: compileCache,
  });
  const report = JSON.parse(measured.stdout) as Report;
  if (report.blobs_swept !== garbage || report.errors.length > 0) {
    throw new Error(`expected ${garbage} blobs to be swept: ${measured.stdout}`);
  }
  return { measured, report };
}

async function collectPeer(root: string, blobs: number): Promise<Measured> {
  buildPeer(root, blobs);
  const config = `${root}.yml`;
  writeFileSync(
    config,
    `version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: ${root}}, delete: {enabled: true}}\n`,
  );
  spawnSync('sync');
  return measure('docker-registry', ['garbage-collect', config]);
}

function seconds(value: number): string {
  return `${value.toFixed(2)} s`;
}

function ratio(theirs: number, ours: number): string {
  return `${(theirs / ours).toFixed(1)}×`;
}

function mib({ peakMib }: Measured): string {
  return `${peakMib.toFixed(0)} MiB`;
}
