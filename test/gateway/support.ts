import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Admin, openAdmin } from '../../gateway/admin.ts';
import { type Gateway, openGateway } from '../../gateway/gateway.ts';
import { loadConfig } from '../../runtime/config.ts';
import type { Config, ConfigName } from '../../runtime/config-schema.ts';
import { listenOnSocket } from '../../runtime/control.ts';
import type { Log, LogFields } from '../../runtime/log.ts';
import { temporaryDirectory } from '../support/files.ts';
import type { Target } from '../support/http.ts';
import { logLines } from '../support/log-lines.ts';
import { endProcess, start } from '../support/processes.ts';
import { onEnd, type Scope } from '../support/scope.ts';

export interface LogLine {
  level: string;
  message: string;
  fields: LogFields;
}

/** A gateway in this process, on a port and a data directory of its own. Its requests are a stranger's. */
export interface TestGateway extends Target {
  origin: string;
  host: string;
  port: number;
  data: string;
  config: Config;
  log: LogLine[];
  admin: Admin;
  gateway: Gateway;
}

export const password = 'a good enough password';

/** With `admin` (administrator), `alice` (push and pull in team/**) and `bob` (pull in team/**). */
export async function startGateway(
  scope: Scope,
  settings: Partial<Record<ConfigName, string>> = {},
): Promise<TestGateway> {
  const data = settings.data ?? (await temporaryDirectory(scope, 'gateway'));
  const flags = {
    data,
    port: '0',
    'tls.mode': 'off',
    'auth.bcrypt_cost': '8',
    'shutdown.drain': '2s',
    ...settings,
  };
  const { config } = loadConfig({ environment: {}, flags });
  const admin = await openAdmin(config);
  onEnd(scope, () => admin.close());
  await addUsers(admin);
  const log: LogLine[] = [];
  const gateway = await openGateway(config, captureLog(log));
  onEnd(scope, () => gateway.drain());
  // Not by name: localhost is ::1 on some machines, and tests compare addresses.
  const host = `127.0.0.1:${gateway.port}`;
  const scheme = config['tls.mode'] === 'off' ? 'http' : 'https';
  return { origin: `${scheme}://${host}`, host, port: gateway.port, data, config, log, admin, gateway };
}

async function addUsers(admin: Admin): Promise<void> {
  const { created } = await admin.ensureFirstAdmin(() => password);
  if (!created) return;
  await admin.addUser('alice', password);
  await admin.grant('alice', 'team/**', ['pull', 'push']);
  await admin.addUser('bob', password);
  await admin.grant('bob', 'team/**', ['pull']);
}

function captureLog(lines: LogLine[]): Log {
  const write =
    (level: string) =>
    (message: string, fields: LogFields = {}) => {
      lines.push({ level, message, fields });
    };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

/** An upstream that behaves as a test wants it to. */
export async function startFakeCore(scope: Scope, data: string, handler: RequestListener): Promise<Server> {
  mkdirSync(join(data, 'run'), { recursive: true, mode: 0o700 });
  const server = createServer(handler);
  await listenOnSocket(server, join(data, 'run', 'core.sock'));
  onEnd(scope, () => stopServer(server));
  return server;
}

export async function stopServer(server: Server): Promise<void> {
  if (!server.listening) return;
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
}

const coreMain = fileURLToPath(new URL('../../registry-core/main.ts', import.meta.url));

/** The real core as a process of its own. */
export async function startCore(scope: Scope, data: string, environment: Record<string, string> = {}) {
  const child = start(process.execPath, [coreMain, '--data', data], {
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    env: { ...process.env, ...environment },
  });
  let errors = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  onEnd(scope, () => endProcess(child));
  const [message] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(() => [{ type: 'gone' }]),
  ]);
  if (message.type !== 'ready') throw new Error(`the core did not start: ${errors}`);
  return Object.assign(child, { log: () => logLines({ stderr: () => errors }) });
}

/** Sends bytes as they are and hands back all that comes until the connection ends. */
export async function raw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(text);
  return readToEnd(socket);
}

export async function readToEnd(socket: Socket): Promise<string> {
  let received = '';
  socket.setEncoding('latin1').on('data', (part: string) => {
    received += part;
  });
  socket.on('error', () => {});
  await once(socket, 'close');
  return received;
}

export async function until(condition: () => boolean | Promise<boolean>, what: string, limitMs = 5000) {
  const deadline = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${limitMs} ms: ${what}`);
    await delay(10);
  }
}

export function basic(user: string, secret = password): string {
  return `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`;
}
