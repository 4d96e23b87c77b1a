import { head } from '../load/ab.ts';
import { newConnections } from '../load/hey.ts';
import { blobOf } from '../load/push.ts';
import { wrk } from '../load/wrk.ts';
import type { Server } from '../servers/server.ts';
import { blobPath, kib, putBlob, putSmallImage, small } from './content.ts';
import type { Row } from './row.ts';

const clients = 64;
const manifests = `/v2/${small.repository}/manifests`;
const manifestBytes = small.image.manifest.length;

const common = { unit: 'requests/s', better: 'higher', per: 'request' } as const;

function getRow(
  fields: Pick<Row, 'name' | 'title' | 'target' | 'prepare'>,
  path: string,
  bodyBytes: number,
): Row {
  return {
    ...common,
    ...fields,
    async run(server, seconds) {
      const {
        requests,
        seconds: taken,
        p50Ms,
        p99Ms,
      } = await wrk(server, { path, clients, seconds, bodyBytes });
      return { value: requests / taken, count: requests, details: { p50Ms, p99Ms } };
    },
  };
}

function countRow(
  fields: Pick<Row, 'name' | 'title' | 'target' | 'prepare'>,
  load: (server: Server, seconds: number) => Promise<{ requests: number; seconds: number }>,
): Row {
  return {
    ...common,
    ...fields,
    async run(server, seconds) {
      const { requests, seconds: taken } = await load(server, seconds);
      return { value: requests / taken, count: requests };
    },
  };
}

export const smallReads: readonly Row[] = [
  getRow(
    { name: 'manifest-tag', title: 'manifest GET by tag', target: { ratio: 20 }, prepare: putSmallImage },
    `${manifests}/${small.tag}`,
    manifestBytes,
  ),
  getRow(
    {
      name: 'manifest-digest',
      title: 'manifest GET by digest',
      target: { ratio: 20 },
      prepare: putSmallImage,
    },
    `${manifests}/${blobOf(small.image.manifest).digest}`,
    manifestBytes,
  ),
  countRow(
    { name: 'head-blob', title: 'HEAD blob', target: { ratio: 20 }, prepare: putBlob(kib) },
    (server, seconds) => head(server, { path: blobPath(kib), clients, seconds }),
  ),
  getRow(
    { name: 'blob-1k', title: 'GET blob of 1 KiB', target: { ratio: 20 }, prepare: putBlob(kib) },
    blobPath(kib),
    kib,
  ),
  getRow(
    { name: 'blob-64k', title: 'GET blob of 64 KiB', target: { ratio: 15 }, prepare: putBlob(64 * kib) },
    blobPath(64 * kib),
    64 * kib,
  ),
  countRow(
    {
      name: 'new-connections',
      title: 'manifest GET, a new connection each, 8 clients',
      target: { ratio: 2.5 },
      prepare: putSmallImage,
    },
    (server, seconds) => newConnections(server, { path: `${manifests}/${small.tag}`, clients: 8, seconds }),
  ),
];
