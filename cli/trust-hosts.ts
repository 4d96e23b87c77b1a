import { dataPaths } from '../runtime/config.ts';
import type { Config } from '../runtime/config-schema.ts';
import { callControl } from '../runtime/control.ts';
import { type GatewayStatus, gatewayPort, withPort } from './gateway-status.ts';

/** The port of the gateway that runs; else the configured one. */
export async function servedPort(config: Config): Promise<number> {
  const status = await callControl(dataPaths(config).gatewaySocket, 'GET', '/status').catch(() => undefined);
  return gatewayPort(status as GatewayStatus | undefined) ?? config.port;
}

/** A registry as image references and clients' directories name it: `host:port`, without a port that goes without saying. */
export function registryHost(name: string, port: number): string {
  const host = withPort(name, port);
  return port === 443 ? host.slice(0, host.lastIndexOf(':')) : host;
}

/** Under these names clients ask for this registry. */
export function registryHosts(config: Config, port: number): string[] {
  return [...config.hostname, 'localhost'].map((name) => registryHost(name, port));
}
