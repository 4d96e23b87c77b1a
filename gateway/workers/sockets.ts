import { lookup } from 'node:dns/promises';
import net, { type BoundSocket } from 'node:net';
import type { Config } from '../../runtime/config-schema.ts';
import { atEach, type Place, type Where } from '../bind.ts';

/** What the front door listens on. */
export type Doors<Socket> = Record<'main' | 'redirect', Socket[]>;

/** Those of the worker that asks, as file descriptors; undefined: it binds its own. */
export type InheritedSockets = Doors<number> | undefined;

/**
 * The sockets that all workers listen on. The primary binds them and keeps them, but takes no connection: whichever
 * worker is free does, and while there is none they wait in the kernel's queue.
 */
export interface SharedSockets {
  /** Descriptors of this process, for `stdio` of a worker. */
  descriptors: number[];
  /** As which numbers a worker has them. */
  inherited: Doors<number>;
  /** When the last worker has closed them too, the kernel resets what still waits. */
  close(): void;
}

/** The first number that `stdio` gives to what a worker inherits: after input, outputs and the channel. */
const firstInherited = 4;

/** @throws Error that says what to do when an address or port cannot be had. */
export async function openSharedSockets(config: Config): Promise<SharedSockets> {
  if (!('BoundSocket' in net)) {
    throw new Error(
      `gateway.workers over 1 needs Node 26.4 or newer, and this is ${process.version}; set it to 1, or use that Node`,
    );
  }
  const { listen: addresses, port } = config;
  const doors: Doors<BoundSocket> = { main: [], redirect: [] };
  const bound = () => [...doors.main, ...doors.redirect];
  const close = () => {
    for (const socket of bound()) socket[Symbol.dispose]();
  };
  try {
    await bindAll(doors.main, { addresses, port, setting: 'port' });
    if (redirectPort(config) !== 0) {
      await bindAll(doors.redirect, { addresses, port: redirectPort(config), setting: 'http.port' });
    }
  } catch (error) {
    close();
    throw error;
  }
  const numbers = bound().map((_, index) => firstInherited + index);
  const inherited = { main: numbers.slice(0, doors.main.length), redirect: numbers.slice(doors.main.length) };
  return { descriptors: bound().map((socket) => socket.fd()), inherited, close };
}

/** 0: none. Without TLS here there is no HTTPS to redirect to. */
export function redirectPort(config: Config): number {
  return config['tls.mode'] === 'off' ? 0 : config['http.port'];
}

function bindAll(sockets: BoundSocket[], place: Place): Promise<void> {
  const open = async (where: Where) => {
    const socket = await bindOne(where);
    sockets.push(socket);
    return socket;
  };
  return atEach(place, open, (socket) => socket.address().port);
}

async function bindOne({ host, port, ipv6Only = false }: Where): Promise<BoundSocket> {
  if (host === undefined) return bindAny(port);
  const { address, family } = await lookup(host);
  return new net.BoundSocket({ host: address, port, ipv6Only: ipv6Only && family === 6 });
}

/** IPv6 and IPv4 on one socket; where the machine has no IPv6, IPv4. */
function bindAny(port: number): BoundSocket {
  try {
    return new net.BoundSocket({ host: '::', port });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL' && code !== 'EINVAL') throw error;
    return new net.BoundSocket({ host: '0.0.0.0', port });
  }
}
