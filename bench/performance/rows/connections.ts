import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import { residentMibOf } from '../../processes.ts';
import { basic, type Server } from '../servers/server.ts';
import { blobPath, mib, putBlob } from './content.ts';
import type { Row } from './row.ts';

const idleClients = 1000;
const slowClients = 500;
const slowBytes = 80 * mib;

/** As many connections are opened at once as a server takes without refusing. */
const atOnce = 50;

const common = {
  unit: 'MiB',
  better: 'lower',
  per: 'connection',
  target: {},
  isWarm: true,
  isLong: true,
} as const;

async function open(server: Server, path: string): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port: server.port, servername: 'localhost', ca: server.ca });
  await once(socket, 'secureConnect');
  const head = `GET ${path} HTTP/1.1\r\nHost: localhost:${server.port}\r\nAuthorization: ${basic(server)}\r\n\r\n`;
  socket.write(head);
  const [first] = (await once(socket, 'data')) as [Buffer];
  // Nothing is read from now on: a slow client is one whose buffers are full.
  socket.pause();
  if (!first.toString('latin1').startsWith('HTTP/1.1 200'))
    throw new Error(`${server.name} ${path}: ${first.toString('latin1').slice(0, 200)}`);
  return socket;
}

/** Memory of all processes while the connections are open and rest. */
async function whileOpen(server: Server, path: string, count: number) {
  const sockets: TLSSocket[] = [];
  try {
    while (sockets.length < count) {
      const batch = Array.from({ length: Math.min(atOnce, count - sockets.length) }, () =>
        open(server, path),
      );
      sockets.push(...(await Promise.all(batch)));
    }
    await delay(2000);
    const closed = sockets.filter((socket) => socket.destroyed).length;
    if (closed > 0) throw new Error(`${server.name} closed ${closed} of ${count} connections`);
    return { value: server.pids().reduce((sum, pid) => sum + residentMibOf(pid), 0), count };
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

export const connections: readonly Row[] = [
  {
    ...common,
    name: 'idle-clients',
    title: `memory under ${idleClients} idle connections`,
    run: (server) => whileOpen(server, '/v2/', idleClients),
  },
  {
    ...common,
    name: 'slow-clients',
    title: `memory under ${slowClients} clients that stopped reading a blob`,
    prepare: putBlob(slowBytes),
    run: (server) => whileOpen(server, blobPath(slowBytes), slowClients),
  },
];
