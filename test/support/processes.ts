import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';

export interface RunOptions {
  input?: string | Buffer;
  /** Added to the environment of the tests; undefined removes a variable. */
  env?: Record<string, string | undefined>;
  cwd?: string;
  timeoutMs?: number;
}

export interface Finished {
  /** null when a signal ended it. */
  code: number | null;
  stdout: string;
  stderr: string;
}

const DEFAULT_TIMEOUT_MS = 120_000;
const running = new Set<ChildProcess>();

// A test file that the runner ends early must not leave servers behind.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => process.exit(1));
}

/** Starts a process that ends with this one at the latest. */
export function start(command: string, args: string[], options: SpawnOptions = {}): ChildProcess {
  const child = spawn(command, args, options);
  running.add(child);
  const forget = () => running.delete(child);
  child.once('exit', forget).once('error', forget);
  return child;
}

/** Keeps what a started process writes. */
export function collectOutput(child: ChildProcess) {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
  });
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  return { stdout: () => stdout, stderr: () => stderr };
}

/** Runs a command to its end and hands back whatever it did. */
export async function run(command: string, args: string[], options: RunOptions = {}): Promise<Finished> {
  const { input = '', env, cwd, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const child = start(command, args, { cwd, env: { ...process.env, ...env }, stdio: 'pipe' });
  const deadline = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  try {
    // A command that does not read its input closes the pipe; that is its right.
    child.stdin!.on('error', () => {});
    child.stdin!.end(input);
    const [stdout, stderr, [code, signal]] = await Promise.all([
      text(child.stdout!),
      text(child.stderr!),
      once(child, 'close'),
    ]);
    const note = signal ? `\n[ended by ${signal}; its limit was ${timeoutMs} ms]` : '';
    return { code, stdout, stderr: stderr + note };
  } finally {
    clearTimeout(deadline);
  }
}

/** Like `run`, for a command that has to succeed. Returns its standard output. */
export async function runOk(command: string, args: string[], options: RunOptions = {}): Promise<string> {
  const finished = await run(command, args, options);
  if (finished.code !== 0) throw new Error(describeRun(command, args, finished));
  return finished.stdout;
}

export function describeRun(command: string, args: string[], finished: Finished): string {
  const tail = (output: string) => output.trimEnd().split('\n').slice(-30).join('\n');
  return `${command} ${args.join(' ')} ended with ${finished.code}\n${tail(finished.stdout)}\n${tail(finished.stderr)}`;
}

/** Ends a process by its id: asks, and after the limit insists. Resolves when it is gone. */
export async function endProcess(
  child: ChildProcess,
  { signal = 'SIGTERM' as NodeJS.Signals, timeoutMs = 20_000 } = {},
): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return child.exitCode;
  const gone = once(child, 'exit');
  const deadline = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  child.kill(signal);
  await gone;
  clearTimeout(deadline);
  return child.exitCode;
}

export interface Descendant {
  pid: number;
  commandLine: string;
}

/** All processes below this one, read from /proc; empty where there is none. */
export function descendants(pid: number): Descendant[] {
  const children = readProc(pid, `task/${pid}/children`).split(' ').filter(Boolean).map(Number);
  return children.flatMap((child) => [
    { pid: child, commandLine: commandLineOf(child) },
    ...descendants(child),
  ]);
}

export function commandLineOf(pid: number): string {
  return readProc(pid, 'cmdline').replaceAll('\0', ' ').trim();
}

/** True while a process with this id exists and is not a zombie. */
export function isAlive(pid: number): boolean {
  const stat = readProc(pid, 'stat');
  return stat !== '' && !/\) [ZX] /.test(stat);
}

function readProc(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}
