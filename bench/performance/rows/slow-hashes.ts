import { wrk } from '../load/wrk.ts';
import { slowUser } from '../servers/materials.ts';
import { basic } from '../servers/server.ts';
import { putSmallImage, small } from './content.ts';
import type { Row } from './row.ts';

/** Few, as a peer takes its time for each. */
const clients = 8;

const repository = `${slowUser.user}/image`;

export const slowHashes: Row = {
  name: 'slow-hashes',
  title: `manifest GET with hashes of bcrypt cost 10, ${clients} clients`,
  unit: 'requests/s',
  better: 'higher',
  per: 'request',
  target: { bounds: { ofUsual: { atLeast: 0.9 } } },
  prepare: (server) => putSmallImage(server, repository),
  async run(server, seconds) {
    const path = `/v2/${repository}/manifests/${small.tag}`;
    const load = { path, clients, seconds, bodyBytes: small.image.manifest.length };
    const usual = await wrk(server, load);
    const slow = await wrk(server, { ...load, authorization: basic(slowUser) });
    const [value, ofOthers] = [slow, usual].map((result) => result.requests / result.seconds) as [
      number,
      number,
    ];
    return { value, count: slow.requests + usual.requests, details: { ofUsual: value / ofOthers } };
  },
};
