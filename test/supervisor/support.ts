import type { ChildProcess } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '../../runtime/config.ts';
import { callControl } from '../../runtime/control.ts';
import { type SupervisorStatus, supervisorPaths } from '../../supervisor/index.ts';
import { temporaryDirectory } from '../support/files.ts';
import { descendants, endProcess, isAlive, start } from '../support/processes.ts';
import { onEnd, type Scope } from '../support/scope.ts';

const SCRIPT = fileURLToPath(new URL('./supervise.ts', import.meta.url));
const TIMEOUT_MS = 20_000;

/** Resolves when the condition holds, with what it returned. For what happens in other processes. */
export async function eventually<Value>(
  what: string,
  condition: () => Value | Promise<Value>,
): Promise<NonNullable<Value>> {
  const deadline = performance.now() + TIMEOUT_MS;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > deadline) throw new Error(`not in ${TIMEOUT_MS} ms: ${what}`);
    await delay(10);
  }
}

export interface Supervised {
  data: string;
  process: ChildProcess;
  pid: number;
  stdout(): string;
  stderr(): string;
  /** What happened to the processes, in order: `start core`, `drain gc`, … */
  events(): string[];
  says(line: string): Promise<unknown>;
  status(): Promise<SupervisorStatus>;
  /** The ids of the three processes by name, from the status. */
  pids(): Promise<Record<string, number | null>>;
  exit(): Promise<number | null>;
}

/** Makes processes misbehave: see mains/fake.ts. */
export function tell(data: string, what: string, text = ''): void {
  writeFileSync(join(data, what), text);
}

/** Starts a supervisor over the processes of mains/, in a process of its own. */
export async function supervise(
  scope: Scope,
  options: { data?: string; env?: Record<string, string> } = {},
): Promise<Supervised> {
  const data = options.data ?? (await temporaryDirectory(scope, 'supervisor'));
  const child = start(process.execPath, [SCRIPT, '--data', data], {
    env: { ...process.env, GATEHOUSE_SHUTDOWN_DRAIN: '5s', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onEnd(scope, () => endAll(child));
  const output = { stdout: '', stderr: '' };
  child.stdout!.setEncoding('utf8').on('data', (chunk) => {
    output.stdout += chunk;
  });
  child.stderr!.setEncoding('utf8').on('data', (chunk) => {
    output.stderr += chunk;
  });
  const gone = new Promise<number | null>((resolve) => child.once('close', resolve));
  const { config } = loadConfig({ environment: {}, flags: { data } });
  const status = () =>
    callControl(supervisorPaths(config).socket, 'GET', '/status') as Promise<SupervisorStatus>;
  return {
    data,
    process: child,
    pid: child.pid!,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    events: () => readEvents(data),
    says: (line) =>
      eventually(`it says ${line}, not ${output.stdout} ${output.stderr}`, () =>
        output.stdout.split('\n').some((said) => said.startsWith(line)),
      ),
    status,
    pids: async () => Object.fromEntries((await status()).processes.map(({ name, pid }) => [name, pid])),
    exit: () => gone,
  };
}

export function readEvents(data: string): string[] {
  try {
    return readFileSync(join(data, 'events'), 'utf8').split('\n').filter(Boolean);
  } catch {
    return [];
  }
}

async function endAll(child: ChildProcess): Promise<void> {
  const below = descendants(child.pid!);
  await endProcess(child, { signal: 'SIGKILL' });
  for (const { pid } of below) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
}
