import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory } from './files.ts';
import { as, type Target } from './http.ts';
import { freePort } from './ports.ts';
import {
  collectOutput,
  commandLineOf,
  type Descendant,
  descendants,
  endProcess,
  type Finished,
  isAlive,
  type RunOptions,
  run,
  runOk,
  start,
} from './processes.ts';
import { onEnd, type Scope } from './scope.ts';

const BIN = fileURLToPath(new URL('../../bin/gatehouse.js', import.meta.url));
const READY_TIMEOUT_MS = 60_000;
const DEFAULT_ADMIN_PASSWORD = 'admin-password-of-the-tests';

type Grants = Array<[pattern: string, actions: string]>;

export interface GatehouseOptions {
  env?: Record<string, string>;
  flags?: string[];
  hostnames?: string[];
  /** A data directory of the caller's, which the caller removes. */
  data?: string;
  port?: number;
  scheme?: 'https' | 'http';
}

/** A running `gatehouse up`; as a target of requests it speaks as the administrator. */
export interface Gatehouse extends Target {
  origin: string;
  /** `localhost:PORT`, as it stands before a repository's name in an image reference. */
  host: string;
  port: number;
  data: string;
  caPath: string;
  adminPassword: string;
  process: ChildProcess;
  pid: number;
  /** What it wrote to standard output and standard error so far. */
  stdout(): string;
  stderr(): string;
  children(): Descendant[];
  /** The id of one of the three processes under the supervisor. */
  pidOf(name: 'gateway' | 'core' | 'gc'): number;
  /** Runs a `gatehouse` command on the same data directory. */
  cli(args: string[], options?: RunOptions): Promise<Finished>;
  /** The same for a command that must succeed; returns its standard output. */
  cliOk(args: string[], options?: RunOptions): Promise<string>;
  addUser(name: string, password: string, grants?: Grants): Promise<Target>;
  /** SIGTERM, and waits; returns the exit code. */
  stop(): Promise<number | null>;
  kill(signal: NodeJS.Signals): boolean;
}

const COMMAND_LINES = {
  gateway: /gateway\/main\.|gatehouse(\.js)? gateway\b/,
  core: /registry-core\/main\.|gatehouse(\.js)? core\b/,
  gc: /gc\/main\.|gatehouse(\.js)? gc\b/,
};

/** Starts `gatehouse up` with a port and a data directory of its own and waits until it is ready. */
export async function startGatehouse(scope: Scope, options: GatehouseOptions = {}): Promise<Gatehouse> {
  const data = options.data ?? (await temporaryDirectory(scope, 'data'));
  const port = options.port ?? (await freePort());
  const adminPassword = options.env?.GATEHOUSE_ADMIN_PASSWORD ?? DEFAULT_ADMIN_PASSWORD;
  const names = (options.hostnames ?? []).flatMap((name) => ['--hostname', name]);
  const flags = ['--data', data, '--port', String(port), ...names, ...(options.flags ?? [])];
  const child = start(process.execPath, [BIN, 'up', ...flags], {
    env: { ...process.env, ...ownVariables(options.env), GATEHOUSE_ADMIN_PASSWORD: adminPassword },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const processes = processHandle(scope, child);
  const output = collectOutput(child);
  await untilReady(child, output);
  const scheme = options.scheme ?? 'https';
  const host = `localhost:${port}`;
  const caPath = join(data, 'certs', 'ca.crt');
  const ca = scheme === 'https' ? readFileSync(caPath, 'utf8') : undefined;
  const target = { origin: `${scheme}://${host}`, ca, user: 'admin', password: adminPassword };
  const commands = commandHandle(target, data, ownVariables(options.env));
  return { ...target, ...output, ...processes, ...commands, host, port, data, caPath, adminPassword };
}

function processHandle(scope: Scope, child: ChildProcess) {
  const pid = child.pid!;
  let orphans: Descendant[] = [];
  const kill = (signal: NodeJS.Signals) => {
    if (signal === 'SIGKILL') orphans = descendants(pid);
    return child.kill(signal);
  };
  onEnd(scope, async () => {
    await endProcess(child);
    // They end by themselves when their supervisor is gone; a defect there must not outlive the test.
    for (const orphan of orphans) {
      if (isAlive(orphan.pid) && commandLineOf(orphan.pid) === orphan.commandLine)
        process.kill(orphan.pid, 'SIGKILL');
    }
  });
  const children = () => descendants(pid);
  const pidOf = (name: keyof typeof COMMAND_LINES) => {
    const found = children().find(({ commandLine }) => COMMAND_LINES[name].test(commandLine));
    if (!found) throw new Error(`no ${name} process among ${JSON.stringify(children())}`);
    return found.pid;
  };
  return { process: child, pid, children, pidOf, kill, stop: () => endProcess(child) };
}

function commandHandle(target: Target, data: string, env: Record<string, string | undefined>) {
  const commandLine = (args: string[]) => [BIN, ...args, '--data', data];
  const withEnv = (options: RunOptions = {}) => ({ ...options, env: { ...env, ...options.env } });
  const cli = (args: string[], options?: RunOptions) =>
    run(process.execPath, commandLine(args), withEnv(options));
  const cliOk = (args: string[], options?: RunOptions) =>
    runOk(process.execPath, commandLine(args), withEnv(options));
  const addUser = async (user: string, password: string, grants: Grants = []): Promise<Target> => {
    await cliOk(['user', 'add', user, '--password-stdin'], { input: `${password}\n` });
    for (const [pattern, actions] of grants) await cliOk(['grant', user, pattern, actions]);
    return as(target, user, password);
  };
  return { cli, cliOk, addUser };
}

/** The variables of this test alone: whoever runs the tests may have some of their own. */
function ownVariables(given: Record<string, string> = {}): Record<string, string | undefined> {
  const inherited = Object.keys(process.env).filter((name) => name.startsWith('GATEHOUSE_'));
  return { ...Object.fromEntries(inherited.map((name) => [name, undefined])), ...given };
}

async function untilReady(child: ChildProcess, output: ReturnType<typeof collectOutput>): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const fail = (what: string) =>
    reject(new Error(`gatehouse up ${what}\n${output.stdout()}\n${output.stderr().slice(-4000)}`));
  const deadline = setTimeout(() => fail(`was not ready after ${READY_TIMEOUT_MS} ms`), READY_TIMEOUT_MS);
  const onData = () => {
    if (/^ready$/m.test(output.stdout())) resolve();
  };
  child.stdout!.on('data', onData);
  // 'close' comes after the last output, 'exit' may come before it.
  child.once('close', (code, signal) => fail(`ended with ${code ?? signal} before it was ready`));
  child.once('error', (error) => fail(`did not start: ${error.message}`));
  try {
    await promise;
  } finally {
    clearTimeout(deadline);
    child.stdout!.off('data', onData);
  }
}
