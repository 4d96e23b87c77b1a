import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { bytesOf } from '../load/bytes.ts';
import { Client } from '../load/client.ts';
import { type Blob, blobOf, imageOf, pushBlob, pushImage } from '../load/push.ts';
import type { Server } from '../servers/server.ts';
import { kib, mib } from './content.ts';
import type { Row, Target } from './row.ts';

const layerBytes = 256 * mib;
const pieceBytes = mib;

/** Of which all layers are made: all of one but its first bytes. */
let pieces: readonly Buffer[] | undefined;

function newLayer(): Blob {
  pieces ??= Array.from({ length: layerBytes / pieceBytes }, (_, index) =>
    bytesOf(`piece ${index}`, pieceBytes),
  );
  const own = Buffer.from(pieces[0]!);
  randomBytes(32).copy(own);
  return blobOf(own, ...pieces.slice(1));
}

export function newSmallImage() {
  const layers = Array.from({ length: 5 }, () => blobOf(randomBytes(4 * kib)));
  const config = Buffer.from(
    `{"architecture":"amd64","os":"linux","of":"${randomBytes(16).toString('hex')}"}`,
  );
  return imageOf(blobOf(config), layers);
}

/** Nobody waits for the disk on account of what somebody else wrote before. */
function settle(): void {
  spawnSync('sync');
}

async function eachClient(
  server: Server,
  clients: number,
  work: (client: Client, number: number) => Promise<void>,
): Promise<number> {
  const all = Array.from({ length: clients }, () => new Client(server));
  // Connected and logged in, as the first request of any push does it.
  await Promise.all(all.map((client) => client.send('GET', '/v2/', 200)));
  const startedAt = performance.now();
  await Promise.all(all.map(work));
  const seconds = (performance.now() - startedAt) / 1000;
  for (const client of all) client.close();
  return seconds;
}

function layerRow(clients: number, target: Target): Row {
  return {
    name: `push-${clients}`,
    title: `push 256 MiB (POST, PATCH, PUT), ${clients === 1 ? '1 client' : `${clients} clients`}`,
    unit: 'MB/s',
    better: 'higher',
    per: 'GB',
    target,
    isWarm: true,
    async run(server) {
      const layers = Array.from({ length: clients }, newLayer);
      settle();
      const seconds = await eachClient(server, clients, (client, number) =>
        pushBlob(client, server, `bench/push${number}`, layers[number]!),
      );
      const bytes = clients * layerBytes;
      return { value: bytes / 1e6 / seconds, count: bytes / 1e9 };
    },
  };
}

function imagesRow(clients: number): Row {
  return {
    name: `images-${clients}`,
    title: `small images pushed, 25 requests each, ${clients === 1 ? '1 client' : `${clients} clients`}`,
    unit: 'images/s',
    better: 'higher',
    per: 'image',
    target: { ratio: 5 },
    async run(server, forSeconds) {
      settle();
      let pushed = 0;
      const until = performance.now() + forSeconds * 1000;
      const seconds = await eachClient(server, clients, async (client, number) => {
        while (performance.now() < until) {
          await pushImage(client, server, `bench/images${number}`, `v${pushed}`, newSmallImage());
          pushed++;
        }
      });
      return { value: pushed / seconds, count: pushed };
    },
  };
}

export const pushes: readonly Row[] = [
  layerRow(1, { ratio: 1.8, cpuShare: 0.5 }),
  layerRow(4, { ratio: 1.3, cpuShare: 0.5 }),
  imagesRow(1),
  imagesRow(8),
];
