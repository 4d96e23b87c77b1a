import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo, ListenOptions as NetListenOptions } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { ListenOptions } from './listener.ts';

/** A predecessor that is being drained may still have the port. */
const maxWaitMs = 3000;
const pauseMs = 100;

export type Place = Pick<ListenOptions, 'addresses' | 'port' | 'setting'>;

/** One address of those that are listened on; without `host`: all, IPv6 and IPv4. */
export interface Where {
  port: number;
  host?: string;
  ipv6Only?: boolean;
}

/**
 * One server per address, or per socket that was bound by the primary (`workers/sockets.ts`).
 * @throws Error that says what to do when an address or port cannot be had.
 */
export async function bind(
  makeServer: () => Server,
  place: Place & Pick<ListenOptions, 'inherited'>,
): Promise<Server[]> {
  const servers: Server[] = [];
  const start = async (where: NetListenOptions | { fd: number }) => {
    const server = makeServer();
    server.listen(where);
    await once(server, 'listening');
    servers.push(server);
    return server;
  };
  try {
    if (place.inherited)
      for (const fd of place.inherited) await explained(() => start({ fd }), place, place.setting);
    else await atEach(place, start, (server) => (server.address() as AddressInfo).port);
    return servers;
  } catch (error) {
    for (const server of servers) server.close();
    throw error;
  }
}

/**
 * Opens something at each address in turn; with port 0 all get the port of the first.
 * @throws Error that says what to do when an address or port cannot be had.
 */
export async function atEach<Opened>(
  { addresses, port, setting }: Place,
  open: (where: Where) => Promise<Opened>,
  portOf: (opened: Opened) => number,
): Promise<void> {
  let wanted = port;
  for (const address of addresses.length === 0 ? [undefined] : addresses) {
    // `::` would take the port of `0.0.0.0` too, when both are listed.
    const named = address === undefined ? {} : { host: address, ipv6Only: addresses.length > 1 };
    const where = { port: wanted, ...named };
    wanted = portOf(await explained(() => patiently(() => open(where)), where, setting));
  }
}

async function patiently<Opened>(open: () => Promise<Opened>): Promise<Opened> {
  const deadline = performance.now() + maxWaitMs;
  for (;;) {
    try {
      return await open();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EADDRINUSE' || performance.now() >= deadline) throw error;
      await delay(pauseMs);
    }
  }
}

async function explained<Opened>(
  open: () => Promise<Opened>,
  where: { host?: string; port: number },
  setting: string,
): Promise<Opened> {
  try {
    return await open();
  } catch (error) {
    throw explain(error, where, setting);
  }
}

function explain(error: unknown, { host, port }: { host?: string; port: number }, setting: string): unknown {
  const place = host === undefined ? `port ${port}` : `port ${port} of ${host}`;
  const variable = `GATEHOUSE_${setting.toUpperCase().replaceAll('.', '_')}`;
  const messages: Record<string, string> = {
    EADDRINUSE: `${place} is in use by another program; stop that one, or choose another port with ${variable}`,
    EACCES:
      `${place} needs a privilege that this user does not have; choose a port from 1024 up with ${variable}, ` +
      'or give the process CAP_NET_BIND_SERVICE',
    EADDRNOTAVAIL: `${host} is no address of this machine; correct the setting "listen" (GATEHOUSE_LISTEN)`,
  };
  const message = messages[(error as NodeJS.ErrnoException).code ?? ''];
  return message === undefined ? error : new Error(message, { cause: error });
}
