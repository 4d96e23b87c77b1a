import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { closeOnlyIdle } from '../../runtime/idle-connections.ts';
import type { Log, LogFields } from '../../runtime/log.ts';
import { temporaryDirectory } from '../support/files.ts';
import { collectOutput, endProcess, start } from '../support/processes.ts';
import { onEnd, type Scope } from '../support/scope.ts';

export interface LogLine {
  level: string;
  message: string;
  fields: LogFields;
}

/** A log that keeps its lines. */
export function memoryLog(): Log & { lines: LogLine[] } {
  const lines: LogLine[] = [];
  const write =
    (level: string) =>
    (message: string, fields: LogFields = {}) => {
      lines.push({ level, message, fields });
    };
  return { lines, debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

/** The address of a module of runtime/, for scripts that run elsewhere. */
export function moduleUrl(name: string): string {
  return new URL(`../../runtime/${name}`, import.meta.url).href;
}

export interface Script {
  process: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** Resolves with the first message over the channel, as JSON. */
  message(): Promise<unknown>;
  /** Resolves when standard output has the text. */
  says(text: string): Promise<void>;
  exit(): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** Runs a module, given as text, in a process of its own that ends with the test. */
export async function runScript(
  scope: Scope,
  source: string,
  args: string[] = [],
  options: SpawnOptions = {},
): Promise<Script> {
  const file = join(await temporaryDirectory(scope, 'script'), 'script.mjs');
  writeFileSync(file, source);
  const child = start(process.execPath, [file, ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    ...options,
  });
  onEnd(scope, () => endProcess(child, { signal: 'SIGKILL' }));
  const { stdout, stderr } = collectOutput(child);
  // Not `close`: Node leaves it out when it was this side that closed the channel.
  const outputs = [child.stdout, child.stderr].filter((stream) => stream !== null);
  const gone = Promise.all([once(child, 'exit'), ...outputs.map((stream) => once(stream, 'end'))]).then(
    ([exit]) => exit as [number | null, NodeJS.Signals | null],
  );
  const first = once(child, 'message');
  first.catch(() => {});
  return {
    process: child,
    stdout,
    stderr,
    message: async () =>
      (await Promise.race([first, gone.then(() => Promise.reject(new Error(stderr())))]))[0],
    says: async (text) => {
      while (!stdout().includes(text)) {
        const ended = gone.then(() => 'ended');
        if (
          (await Promise.race([once(child.stdout!, 'data'), ended])) === 'ended' &&
          !stdout().includes(text)
        ) {
          throw new Error(`ended without ${text}: ${stdout()} ${stderr()}`);
        }
      }
    },
    exit: async () => {
      const [code, signal] = await gone;
      return { code, signal };
    },
  };
}

/** An HTTP server on a port of its own; `origin` is its address. */
export async function serve(scope: Scope, listener: RequestListener) {
  const server = createServer();
  server.on('request', closeOnlyIdle(server, listener));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onEnd(scope, async () => {
    if (!server.listening) return;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });
  const { port } = server.address() as AddressInfo;
  return { server, port, origin: `http://127.0.0.1:${port}` };
}
