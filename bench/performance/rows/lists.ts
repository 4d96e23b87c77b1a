import { wrk } from '../load/wrk.ts';
import type { Row } from './row.ts';

const clients = 8;

/** What is in the stores from the beginning, for the lists. */
export const listed = [
  { prefix: 'bench/catalog', repositories: 2000, tagsEach: 1 },
  { prefix: 'bench/tags', repositories: 1, tagsEach: 10_000 },
];

function listRow(name: string, title: string, path: string, leastBytes: number, ratio: number): Row {
  return {
    name,
    title: `${title}, ${clients} clients, p50`,
    unit: 'ms',
    better: 'lower',
    per: 'request',
    target: { ratio },
    needsNames: true,
    async run(server, seconds) {
      const { p50Ms, p99Ms, requests } = await wrk(server, { path, clients, seconds, bodyBytes: leastBytes });
      return { value: p50Ms, count: requests, details: { p99Ms } };
    },
  };
}

export const lists: readonly Row[] = [
  listRow(
    'catalog',
    'catalog, 1,000 of 2,000 names',
    '/v2/_catalog?n=1000',
    1000 * '"bench/catalog/0",'.length,
    20,
  ),
  listRow('tags', 'tags list of 10,000', '/v2/bench/tags/0/tags/list', 10_000 * '"v0",'.length, 8),
];
