import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { residentMibOf, shareMibOf } from '../../processes.ts';
import { Client } from '../load/client.ts';
import type { Server, ServerKind } from '../servers/server.ts';
import type { Row } from './row.ts';

const settleMs = 2000;

export const start: Row = {
  name: 'start',
  title: 'start to the first 200 with a login, then idle',
  unit: 's',
  better: 'lower',
  per: 'start',
  target: { bounds: { value: { atMost: 1.5 }, idleMib: { atMost: 250 } } },
  isWarm: true,
  async run(server) {
    const root = mkdtempSync(join(tmpdir(), 'gatehouse-bench-start-'));
    try {
      const kind = await server.another(root);
      // The first start makes databases, certificates, caches; the second one is what happens every day.
      await startAndAsk(kind, 0);
      return await startAndAsk(kind, settleMs);
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  },
};

async function startAndAsk(kind: ServerKind, idleMs: number) {
  const startedAt = performance.now();
  const server: Server = await kind.start();
  const client = new Client(server);
  try {
    await client.send('GET', '/v2/', 200);
    const value = (performance.now() - startedAt) / 1000;
    await delay(idleMs);
    const sum = (figure: (pid: number) => number) =>
      server.pids().reduce((total, pid) => total + figure(pid), 0);
    return { value, count: 1, details: { idleMib: sum(residentMibOf), idleSharedOnceMib: sum(shareMibOf) } };
  } finally {
    client.close();
    await server.stop();
  }
}
