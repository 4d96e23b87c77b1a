import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ensureCertificates } from '../../certs/index.ts';
import { temporaryDirectory } from './files.ts';
import { request } from './http.ts';
import { freePort } from './ports.ts';
import { collectOutput, endProcess, start } from './processes.ts';
import { onEnd, type Scope } from './scope.ts';
import { missingTool } from './tools.ts';

export const missingPebble = () => missingTool('pebble', 'pebble-challtestsrv');

export interface PebbleOptions {
  /** Where it looks for challenges. */
  httpPort: number;
  tlsPort: number;
  /** Of the certificates that it issues. */
  validitySeconds?: number;
  /** Its own port; another one each time otherwise. */
  port?: number;
}

export interface Pebble {
  directoryUrl: string;
  /** Root of its own certificate. */
  rootPath: string;
  /** Root of what it issues, another one at each of its starts. */
  issuerRoot(): Promise<string>;
  /** What it wrote. */
  output(): string;
  stop(): Promise<unknown>;
}

/** Let's Encrypt's small ACME server, for which every name leads to 127.0.0.1. */
export async function startPebble(scope: Scope, options: PebbleOptions): Promise<Pebble> {
  const directory = await temporaryDirectory(scope, 'pebble');
  const certificates = await ensureCertificates({
    directory: join(directory, 'certs'),
    names: ['localhost'],
  });
  const [port, management, dns] = [options.port ?? (await freePort()), await freePort(), await freePort()];
  const config = {
    listenAddress: `127.0.0.1:${port}`,
    managementListenAddress: `127.0.0.1:${management}`,
    certificate: certificates.certificatePath,
    privateKey: certificates.keyPath,
    httpPort: options.httpPort,
    tlsPort: options.tlsPort,
    ...(options.validitySeconds ? { certificateValidityPeriod: options.validitySeconds } : {}),
  };
  const path = join(directory, 'pebble.json');
  await writeFile(path, JSON.stringify({ pebble: config }));
  const off = ['-http01', '', '-https01', '', '-tlsalpn01', '', '-defaultIPv6', ''];
  const names = ['-dns01', `127.0.0.1:${dns}`, '-management', `127.0.0.1:${await freePort()}`];
  const resolver = start('pebble-challtestsrv', [...names, ...off, '-defaultIPv4', '127.0.0.1'], {
    stdio: 'ignore',
  });
  onEnd(scope, () => endProcess(resolver));
  const server = start('pebble', ['-config', path, '-dnsserver', `127.0.0.1:${dns}`], {
    env: { ...process.env, PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = collectOutput(server);
  onEnd(scope, () => endProcess(server));
  const rootPath = certificates.caCertificatePath;
  const ca = await readFile(rootPath, 'utf8');
  const ask = async (origin: string, path: string) => (await request({ origin, ca }, { path })).text;
  const directoryUrl = `https://localhost:${port}/dir`;
  for (let tries = 0; ; tries++) {
    const answer = await ask(`https://localhost:${port}`, '/dir').catch(() => undefined);
    if (answer !== undefined) break;
    if (server.exitCode !== null || tries > 200)
      throw new Error(`pebble did not start: ${output.stdout()}${output.stderr()}`);
    await delay(50);
  }
  return {
    directoryUrl,
    rootPath,
    issuerRoot: () => ask(`https://localhost:${management}`, '/roots/0'),
    output: () => output.stdout() + output.stderr(),
    stop: () => endProcess(server),
  };
}
