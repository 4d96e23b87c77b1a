import { createServer } from 'node:net';
import type { LoadedConfig } from '../runtime/config.ts';

export const fallbackPort = 8443;

/**
 * The port to use when nobody chose one and this user may not bind the default one.
 * @returns undefined when the configured port stands. Whether it is free is for the gateway to find out.
 */
export async function otherPort(
  { config, given }: LoadedConfig,
  bind: (port: number, address?: string) => Promise<void> = bindOnce,
): Promise<number | undefined> {
  if (given.has('port')) return undefined;
  for (const address of config.listen.length > 0 ? config.listen : [undefined]) {
    try {
      await bind(config.port, address);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EACCES') return fallbackPort;
    }
  }
  return undefined;
}

/** Only the system knows who may bind what: capabilities, sysctl and user namespaces all have a say. */
function bindOnce(port: number, host?: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve()));
  });
}
