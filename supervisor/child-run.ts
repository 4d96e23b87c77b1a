import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConfigFault } from '../runtime/config.ts';
import type { ChildMessage } from '../runtime/main.ts';
import { memoryFlags, withAllocator } from './memory.ts';

export interface ChildSpec {
  name: string;
  /** Path of its main module. */
  entry: string;
  arguments: readonly string[];
  environment: NodeJS.ProcessEnv;
}

/** How a process ended. */
export interface ChildExit {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** What it said about it, when it could. */
  message?: string;
  faults?: readonly ConfigFault[];
}

/** One run of one process, from spawn to exit. */
export interface ChildRun {
  pid: number | undefined;
  /** True when it answers; false when it ended before. */
  ready: Promise<boolean>;
  /** Never rejects. */
  ended: Promise<ChildExit>;
  signal(signal: NodeJS.Signals): void;
  /** SIGTERM, and SIGKILL when it has not ended by then. @returns whether it ended by itself. */
  stop(limitMs: number): Promise<boolean>;
}

// What a child said may arrive after the news of its exit; this long at most.
const lastWordsMs = 1000;

/**
 * Starts a process. Its standard output goes to our standard error: ours belongs to the person at the terminal.
 * The channel is also its lifeline: when it closes because we died, the process drains and ends.
 */
export function runChild(spec: ChildSpec): ChildRun {
  const flags = memoryFlags(spec.environment);
  const child = spawn(process.execPath, [...flags, spec.entry, ...spec.arguments], {
    env: withAllocator(spec.environment),
    stdio: ['ignore', 2, 2, 'ipc'],
  });
  const ready = Promise.withResolvers<boolean>();
  const said: Pick<ChildExit, 'message' | 'faults'> = {};
  child.on('message', (message: ChildMessage) => {
    if (message.type === 'ready') return ready.resolve(true);
    said.message = message.message;
    if (message.faults) said.faults = message.faults;
  });
  const ended = exitOf(child).then((exit) => {
    ready.resolve(false);
    return { ...exit, ...said };
  });
  return {
    pid: child.pid,
    ready: ready.promise,
    ended,
    signal: (signal) => void child.kill(signal),
    stop: (limitMs) => stopChild(child, ended, limitMs),
  };
}

async function exitOf(child: ChildProcess): Promise<ChildExit> {
  const disconnected = new Promise<void>((resolve) => child.once('disconnect', resolve));
  const exit = await new Promise<ChildExit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.on('error', (error) => {
      // A failed spawn has no exit; other errors (of the channel, of a signal) do not end the process.
      if (child.pid === undefined) resolve({ code: null, signal: null, message: error.message });
    });
  });
  if (child.connected) await Promise.race([disconnected, delay(lastWordsMs, undefined, { ref: false })]);
  return exit;
}

async function stopChild(child: ChildProcess, ended: Promise<unknown>, limitMs: number): Promise<boolean> {
  let byItself = true;
  const limit = setTimeout(() => {
    byItself = false;
    child.kill('SIGKILL');
  }, limitMs);
  child.kill('SIGTERM');
  await ended;
  clearTimeout(limit);
  return byItself;
}
