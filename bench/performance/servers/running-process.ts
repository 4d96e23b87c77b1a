import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export interface RunningProcess {
  pid: number;
  stop(): Promise<void>;
}

/** Starts a program that writes to a log, and waits until somebody listens on its port. */
export async function runServer(
  command: string,
  args: readonly string[],
  logFile: string,
  port: number,
): Promise<RunningProcess> {
  const log = openSync(logFile, 'a');
  const child = spawn(command, args, {
    env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` },
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await once(child, 'spawn');
  while (!(await isListening(port))) {
    if (child.exitCode !== null) throw new Error(`${command}: ${readFileSync(logFile, 'utf8').slice(-2000)}`);
    await delay(1);
  }
  return {
    pid: child.pid!,
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
