import { createCipheriv, createHash } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { DockerEngine } from './docker.ts';
import { type TarEntry, tar } from './tar.ts';
import { findTool } from './tools.ts';

/** The size that issues call a large layer, and what everyday layers look like beside it. */
export const LARGE_LAYER_BYTES = 200 * 1024 * 1024;
export const LARGE_FILE = 'data/large.bin';

/** Bytes that no compression shortens, the same for the same seed; about 1 GB a second. */
export function noise(seed: string, size: number): Buffer {
  const key = createHash('sha256').update(seed).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size));
}

/**
 * What the layers of an image hold, lowest first: busybox, some text, some data. The seed makes
 * images differ from each other; with the same seed only their large file may.
 */
export function layerFiles(seed: string, { largeBytes = 0 } = {}): TarEntry[][] {
  const busybox = readFileSync(findTool('busybox')!);
  const layers: TarEntry[][] = [
    [{ path: 'bin/busybox', content: busybox, mode: 0o755 }],
    [
      { path: 'etc/motd', content: `welcome to ${seed}\n` },
      { path: 'etc/group', content: 'root:x:0:\n' },
    ],
    [{ path: 'data/small.bin', content: noise(seed, 300_000) }],
  ];
  if (largeBytes > 0) layers.push([{ path: LARGE_FILE, content: noise(`${seed} large`, largeBytes) }]);
  return layers;
}

/** Makes an image with the docker engine: an import for the lowest layer, a build for the others. */
export async function buildWithDocker(
  { ok }: DockerEngine,
  reference: string,
  layers: TarEntry[][],
): Promise<string> {
  const [base = [], ...others] = layers;
  const baseReference = `base-of-${reference.replace(/[^a-z0-9]+/g, '-')}`;
  await ok(['import', '-', baseReference], { input: tar(base) });
  const context = buildFiles(baseReference, others);
  await ok(['build', '--network=none', '--quiet', '--tag', reference, '-'], { input: tar(context) });
  return (await ok(['image', 'inspect', '--format', '{{.Id}}', reference])).trim();
}

/** The files of a build: one COPY for each layer. */
function buildFiles(from: string, layers: TarEntry[][]): TarEntry[] {
  const copies = layers.map((_, index) => `COPY layer${index}/ /`);
  const dockerfile = [`FROM ${from}`, ...copies, 'CMD ["/bin/busybox", "sh"]', ''].join('\n');
  const files = layers.flatMap((entries, index) =>
    entries.map((entry) => ({ ...entry, path: `layer${index}/${entry.path}` })),
  );
  return [{ path: 'Dockerfile', content: dockerfile }, ...files];
}

export async function writeBuildContext(
  directory: string,
  from: string,
  layers: TarEntry[][],
): Promise<void> {
  await writeEntries(directory, buildFiles(from, layers));
}

export async function writeEntries(directory: string, entries: TarEntry[]): Promise<void> {
  for (const { path, content, mode = 0o644 } of entries) {
    const file = join(directory, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content, { mode });
  }
}

export async function digestOfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return `sha256:${hash.digest('hex')}`;
}
