import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../../test/support/ports.ts';
import { withDescendants } from '../../processes.ts';
import { startPlain } from './docker-registry.ts';
import type { Materials } from './materials.ts';
import { runServer } from './running-process.ts';
import type { ServerKind } from './server.ts';

/** The recipe of docker-registry's documentation ("nginx as an authentication proxy"), with kept connections. */
function settings(root: string, ports: { tls: number; plain: number }, materials: Materials): string {
  // Its workers read what only this user may; as somebody else nginx has no other one.
  const owner = process.getuid?.() === 0 ? 'user root;\n' : '';
  return `${owner}worker_processes auto;
daemon off;
pid ${root}/nginx.pid;
error_log ${root}/nginx-error.log;
events { worker_connections 4096; }
http {
  access_log ${root}/nginx-access.log;
  client_body_temp_path ${root}/nginx/body;
  proxy_temp_path ${root}/nginx/proxy;
  fastcgi_temp_path ${root}/nginx/fastcgi;
  uwsgi_temp_path ${root}/nginx/uwsgi;
  scgi_temp_path ${root}/nginx/scgi;
  sendfile on;
  tcp_nopush on;
  upstream docker-registry { server 127.0.0.1:${ports.plain}; keepalive 64; }
  server {
    listen 127.0.0.1:${ports.tls} ssl;
    server_name localhost;
    ssl_certificate ${materials.certificatePath};
    ssl_certificate_key ${materials.keyPath};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache shared:SSL:10m;
    keepalive_requests 100000;
    client_max_body_size 0;
    chunked_transfer_encoding on;
    location /v2/ {
      auth_basic "bench";
      auth_basic_user_file ${materials.htpasswd};
      add_header Docker-Distribution-Api-Version registry/2.0 always;
      proxy_pass http://docker-registry;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_read_timeout 900;
    }
  }
}
`;
}

/** docker-registry behind nginx with TLS and htpasswd. */
export async function nginx(root: string, materials: Materials): Promise<ServerKind> {
  const ports = { tls: await freePort(), plain: await freePort() };
  mkdirSync(join(root, 'nginx'), { mode: 0o777 });
  const file = join(root, 'nginx.conf');
  const storage = join(root, 'nginx-docker-registry');
  const configuration = settings(root, ports, materials);
  writeFileSync(file, configuration);
  return {
    name: 'nginx',
    configuration,
    storage,
    async start() {
      const behind = await startPlain(root, storage, ports.plain);
      const log = join(root, 'nginx-start.log');
      const front = await runServer('nginx', ['-c', file, '-e', log], log, ports.tls);
      const { ca, user, password } = materials;
      return {
        name: 'nginx',
        port: ports.tls,
        ca,
        user,
        password,
        another: (elsewhere) => nginx(elsewhere, materials),
        pids: () => [front.pid, behind.pid].flatMap(withDescendants),
        async stop() {
          await front.stop();
          await behind.stop();
        },
      };
    },
  };
}
