import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureCertificates } from '../../certs/index.ts';
import { eventually } from '../supervisor/support.ts';
import { temporaryDirectory } from '../support/files.ts';
import { freePort } from '../support/ports.ts';
import { collectOutput, endProcess, start } from '../support/processes.ts';
import { onEnd, type Scope } from '../support/scope.ts';
import { findTool } from '../support/tools.ts';

const EXAMPLE = fileURLToPath(new URL('../../nginx.conf.example', import.meta.url));

export interface Nginx {
  /** `localhost:PORT` of the TLS side. */
  host: string;
  origin: string;
  plainOrigin: string;
  caPath: string;
  ca: string;
}

/** Runs nginx with the example of the repository: only names, ports and paths are others. */
export async function startNginx(scope: Scope, gatewayPort: number): Promise<Nginx> {
  const directory = await temporaryDirectory(scope, 'nginx');
  // Names of others are there to be asked for: the gateway decides which ones it serves.
  const names = ['localhost', 'registry.example.com', 'elsewhere.example.com'];
  const certificates = await ensureCertificates({ directory: join(directory, 'certs'), names });
  const [port, plainPort] = [await freePort(), await freePort()];
  const host = `localhost:${port}`;
  const pidFile = join(directory, 'nginx.pid');
  const configuration = join(directory, 'nginx.conf');
  await mkdir(join(directory, 'log'));
  const text = substitute(await readFile(EXAMPLE, 'utf8'), [
    ['/run/nginx.pid', pidFile],
    ['/var/log/nginx', join(directory, 'log')],
    ['server 127.0.0.1:5080;', `server 127.0.0.1:${gatewayPort};`],
    ['/etc/nginx/certs/registry.example.com.crt', certificates.certificatePath],
    ['/etc/nginx/certs/registry.example.com.key', certificates.keyPath],
    ['listen 443 ssl;', `listen 127.0.0.1:${port} ssl;`],
    ['listen [::]:443 ssl;', `listen [::1]:${port} ssl;`],
    ['listen 80;', `listen 127.0.0.1:${plainPort};`],
    ['listen [::]:80;', `listen [::1]:${plainPort};`],
    ['https://registry.example.com$request_uri', `https://${host}$request_uri`],
    ['server_name registry.example.com;', 'server_name localhost;'],
  ]);
  await writeFile(configuration, text);
  await run(scope, configuration, pidFile);
  const ca = await readFile(certificates.caCertificatePath, 'utf8');
  const origins = { origin: `https://${host}`, plainOrigin: `http://localhost:${plainPort}` };
  return { host, ...origins, ca, caPath: certificates.caCertificatePath };
}

/** A name that the example has no longer must not leave a test of something else. */
export function substitute(text: string, replacements: Array<[from: string, to: string]>): string {
  return replacements.reduce((before, [from, to]) => {
    assert.ok(before.includes(from), `nginx.conf.example has no ${from}`);
    return before.replaceAll(from, to);
  }, text);
}

async function run(scope: Scope, configuration: string, pidFile: string): Promise<void> {
  const nginx = start(findTool('nginx')!, ['-c', configuration, '-g', 'daemon off;'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const { stderr } = collectOutput(nginx);
  onEnd(scope, () => endProcess(nginx));
  // It writes the file when it has its ports.
  await eventually('nginx is up', () => {
    assert.equal(nginx.exitCode, null, stderr());
    return existsSync(pidFile);
  });
}
