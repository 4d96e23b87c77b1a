import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../../test/support/ports.ts';
import { withDescendants } from '../../processes.ts';
import type { Materials } from './materials.ts';
import { type RunningProcess, runServer } from './running-process.ts';
import type { ServerKind } from './server.ts';

/** /etc/docker/registry/config.yml of Debian's package, with an address of its own. */
function settings(storage: string, http: string, auth: string): string {
  return `version: 0.1
log:
  fields:
    service: registry
storage:
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: ${storage}
  delete:
    enabled: true
http:
${http}
  headers:
    X-Content-Type-Options: [nosniff]
${auth}health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
`;
}

/** docker-registry by itself: its own TLS, its own htpasswd. */
export async function dockerRegistry(root: string, materials: Materials): Promise<ServerKind> {
  const port = await freePort();
  const { certificatePath, keyPath, htpasswd, ca, user, password } = materials;
  const tls = `  addr: 127.0.0.1:${port}\n  tls:\n    certificate: ${certificatePath}\n    key: ${keyPath}`;
  const auth = `auth:\n  htpasswd:\n    realm: bench\n    path: ${htpasswd}\n`;
  const storage = join(root, 'docker-registry');
  const configuration = settings(storage, tls, auth);
  const file = join(root, 'docker-registry.yml');
  writeFileSync(file, configuration);
  return {
    name: 'docker-registry',
    configuration,
    storage,
    async start() {
      const log = join(root, 'docker-registry.log');
      const running = await runServer('docker-registry', ['serve', file], log, port);
      const pids = () => withDescendants(running.pid);
      return {
        ...{ name: 'docker-registry', port, ca, user, password, pids },
        another: (elsewhere) => dockerRegistry(elsewhere, materials),
        stop: running.stop,
      };
    },
  };
}

/** The one behind nginx, which does TLS and htpasswd for it. */
export function startPlain(root: string, storage: string, port: number): Promise<RunningProcess> {
  const file = join(root, 'docker-registry-plain.yml');
  writeFileSync(file, settings(storage, `  addr: 127.0.0.1:${port}`, ''));
  return runServer('docker-registry', ['serve', file], join(root, 'docker-registry-plain.log'), port);
}
