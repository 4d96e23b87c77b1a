import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const BIN = fileURLToPath(new URL('../bin/gatehouse.js', import.meta.url));

export interface RunningRegistry {
  process: ChildProcess;
  port: number;
  /** PEM. */
  ca: string;
  user: string;
  password: string;
  stop(): Promise<void>;
}

/**
 * Starts a whole Gatehouse on a data directory, as `npm start` does, on any free port.
 * @param logFile where its standard error goes, all of it; without one only warnings, to our own.
 */
export async function startRegistry(
  data: string,
  settings: NodeJS.ProcessEnv = {},
  logFile?: string,
): Promise<RunningRegistry> {
  const password = 'password of the bench';
  const level = logFile === undefined ? { GATEHOUSE_LOG_LEVEL: 'warn' } : {};
  const log = logFile === undefined ? 'inherit' : openSync(logFile, 'a');
  const child = spawn(process.execPath, [BIN, 'up', '--data', data, '--port', '0'], {
    env: { ...process.env, GATEHOUSE_ADMIN_PASSWORD: password, ...level, ...settings },
    stdio: ['ignore', 'pipe', log],
  });
  if (log !== 'inherit') closeSync(log);
  let output = '';
  for await (const chunk of child.stdout!.setEncoding('utf8')) {
    output += chunk;
    if (/^ready$/m.test(output)) break;
  }
  const port = Number(/localhost:(\d+)/.exec(output)?.[1]);
  const ca = readFileSync(join(data, 'certs', 'ca.crt'), 'utf8');
  return {
    process: child,
    port,
    ca,
    user: 'admin',
    password,
    async stop() {
      if (child.exitCode !== null) return;
      const closed = once(child, 'exit');
      child.kill('SIGTERM');
      await closed;
    },
  };
}
