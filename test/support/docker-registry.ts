import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { temporaryDirectory } from './files.ts';
import { request, type Target } from './http.ts';
import { freePort } from './ports.ts';
import { collectOutput, endProcess, start } from './processes.ts';
import { onEnd, type Scope } from './scope.ts';
import { findTool } from './tools.ts';

const START_TIMEOUT_MS = 30_000;

export interface TrustedIssuer {
  realm: string;
  service: string;
  issuer: string;
  /** PEM, its `rootcertbundle`. */
  certificate: string;
}

export interface DockerRegistry extends Target {
  /** `localhost:PORT` */
  host: string;
  stderr(): string;
}

/** Distribution's registry, as Debian packages it, on plain HTTP, with the tokens of another server. */
export async function startDockerRegistry(scope: Scope, token: TrustedIssuer): Promise<DockerRegistry> {
  const directory = await temporaryDirectory(scope, 'docker-registry');
  const port = await freePort();
  const bundle = join(directory, 'tokens.crt');
  await mkdir(join(directory, 'data'));
  await writeFile(bundle, token.certificate);
  // JSON is YAML.
  const config = {
    version: 0.1,
    storage: { filesystem: { rootdirectory: join(directory, 'data') }, delete: { enabled: true } },
    http: { addr: `127.0.0.1:${port}` },
    auth: {
      token: { realm: token.realm, service: token.service, issuer: token.issuer, rootcertbundle: bundle },
    },
  };
  const file = join(directory, 'config.yml');
  await writeFile(file, JSON.stringify(config));
  const child = start(findTool('docker-registry')!, ['serve', file], { stdio: ['ignore', 'pipe', 'pipe'] });
  const { stderr } = collectOutput(child);
  onEnd(scope, () => endProcess(child));
  const host = `localhost:${port}`;
  const origin = `http://127.0.0.1:${port}`;
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (!(await answers(origin))) {
    if (child.exitCode !== null || performance.now() > deadline) {
      throw new Error(`docker-registry did not start:\n${stderr().slice(-4000)}`);
    }
    await setTimeout(50);
  }
  return { origin, host, stderr };
}

async function answers(origin: string): Promise<boolean> {
  return request(origin, { path: '/v2/' }).then(
    ({ status }) => status === 401,
    () => false,
  );
}
