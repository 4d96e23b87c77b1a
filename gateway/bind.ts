import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo, ListenOptions as NetListenOptions } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { ListenOptions } from './listener.ts';

/** A predecessor that is being drained may still have the port. */
const maxWaitMs = 3000;
const pauseMs = 100;

/** One server per address. @throws Error that says what to do when an address or port cannot be had. */
export async function bind(
  makeServer: () => Server,
  { addresses, port, setting }: Pick<ListenOptions, 'addresses' | 'port' | 'setting'>,
): Promise<Server[]> {
  const servers: Server[] = [];
  try {
    let wanted = port;
    for (const address of addresses.length === 0 ? [undefined] : addresses) {
      // `::` would take the port of `0.0.0.0` too, when both are listed.
      const where = address === undefined ? {} : { host: address, ipv6Only: addresses.length > 1 };
      const server = makeServer();
      servers.push(server);
      await listen(server, { port: wanted, ...where }, setting);
      wanted = (server.address() as AddressInfo).port;
    }
    return servers;
  } catch (error) {
    for (const server of servers) server.close();
    throw error;
  }
}

async function listen(server: Server, where: NetListenOptions, setting: string): Promise<void> {
  const deadline = performance.now() + maxWaitMs;
  for (;;) {
    try {
      server.listen(where);
      await once(server, 'listening');
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EADDRINUSE' || performance.now() >= deadline) throw explain(error, where, setting);
      await delay(pauseMs);
    }
  }
}

function explain(error: unknown, { host, port }: NetListenOptions, setting: string): unknown {
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
