import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Server } from 'node:net';
import { text } from 'node:stream/consumers';
import { OciError } from '../oci/errors.ts';
import { sendError } from './error-response.ts';
import type { Log } from './log.ts';
import { shortSocketPath } from './socket-path.ts';

const answerLimitMs = 5000;
/** As Node’s timeouts have it. */
const noLimit = 0;
/** Loaded when there is somebody to talk to: with all that hangs on it, it takes longer than many a command. */
const http = () => import('node:http');

/** What a process answers on its control socket, by `METHOD /path`. Input and answer are JSON. */
export type ControlHandlers = Record<string, (input: unknown) => unknown>;

export interface ControlServer {
  close(): Promise<void>;
}

/** Binds a server to a unix socket, in place of one that a killed predecessor left. */
export async function listenOnSocket(server: Server, path: string): Promise<void> {
  await rm(path, { force: true });
  const short = shortSocketPath(path);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path: short.path }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  // The descriptor of a long path stays open: Node unlinks the socket by that name when the server closes.
  server.once('close', short.close);
}

/** Serves a process's control socket. Only the owner of the data directory can reach it (run/ is 0700). */
export async function serveControl(
  path: string,
  handlers: ControlHandlers,
  log: Log,
): Promise<ControlServer> {
  const { createServer } = await http();
  const server = createServer(async (incoming, response) => {
    try {
      const handler = handlers[`${incoming.method} ${incoming.url}`];
      if (!handler) throw new OciError('NOT_FOUND');
      const body = await text(incoming);
      const answer = await handler(body === '' ? undefined : JSON.parse(body));
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(answer ?? {}));
    } catch (error) {
      sendError(response, error, log, 'control');
    }
  });
  await listenOnSocket(server, path);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/**
 * Asks a process by its control socket.
 * @param limitMs for the answer. Without it: five seconds for a GET, which is answered at once or by a process that is
 *   stuck; none for an order, which may take its time.
 * @returns undefined when nobody listens there.
 * @throws Error with the answer's message when the process refuses, and when none comes in time.
 */
export async function callControl(
  path: string,
  method: string,
  target: string,
  input?: unknown,
  limitMs = method === 'GET' ? answerLimitMs : noLimit,
): Promise<unknown> {
  if (!existsSync(path)) return undefined;
  const short = shortSocketPathOrNothing(path);
  if (!short) return undefined;
  try {
    return await exchange(short.path, method, target, input, limitMs);
  } catch (error) {
    if (['ENOENT', 'ECONNREFUSED'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  } finally {
    short.close();
  }
}

function shortSocketPathOrNothing(path: string) {
  try {
    return shortSocketPath(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function exchange(
  socketPath: string,
  method: string,
  path: string,
  input: unknown,
  limitMs: number,
): Promise<unknown> {
  const { request } = await http();
  return await new Promise((resolve, reject) => {
    const outgoing = request(
      { socketPath, method, path, headers: { Connection: 'close' } },
      async (response) => {
        try {
          const answer = JSON.parse(await text(response));
          if (response.statusCode === 200) resolve(answer);
          else
            reject(
              new Error(answer.errors?.[0]?.message ?? `control socket answered ${response.statusCode}`),
            );
        } catch (error) {
          reject(error as Error);
        }
      },
    );
    outgoing.on('error', reject);
    outgoing.setTimeout(limitMs, () => outgoing.destroy(new Error('no answer in time')));
    outgoing.end(input === undefined ? undefined : JSON.stringify(input));
  });
}
