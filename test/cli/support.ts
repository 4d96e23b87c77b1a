import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory } from '../support/files.ts';
import { type Finished, type RunOptions, run, start } from '../support/processes.ts';
import type { Scope } from '../support/scope.ts';

export const BIN = fileURLToPath(new URL('../../bin/gatehouse.js', import.meta.url));

/** The environment of the tests without settings of whoever runs them; cheap password hashes. */
export function plainEnvironment(): Record<string, string | undefined> {
  const own = Object.keys(process.env).filter((name) => name.startsWith('GATEHOUSE_'));
  return { ...Object.fromEntries(own.map((name) => [name, undefined])), GATEHOUSE_AUTH_BCRYPT_COST: '8' };
}

/** Runs `gatehouse` to its end. */
export function gatehouse(args: string[], options: RunOptions = {}): Promise<Finished> {
  const env = { ...plainEnvironment(), ...options.env };
  return run(process.execPath, [BIN, ...args], { cwd: '/', ...options, env });
}

/** The command on a data directory of its own, as it is beside a server or without one. */
export async function onData(scope: Scope) {
  const data = await temporaryDirectory(scope, 'cli');
  const cli = (args: string[], options?: RunOptions) => gatehouse([...args, '--data', data], options);
  return { data, cli };
}

/** The command on a pseudo-terminal that `script` makes. */
export function onTerminal(args: string[]) {
  const line = [process.execPath, BIN, ...args].join(' ');
  const child: ChildProcess = start('script', ['-qefc', line, '/dev/null'], {
    env: { ...process.env, ...plainEnvironment() },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout!.setEncoding('utf8');
  child.stdout!.on('data', (chunk: string) => {
    output += chunk;
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return {
    output: () => output,
    type: (text: string) => void child.stdin!.write(text),
    code: () => ended,
    shows: (text: string) =>
      new Promise<void>((resolve, reject) => {
        const look = () => (output.includes(text) ? resolve() : undefined);
        child.stdout!.on('data', look);
        child.once('close', () => reject(new Error(`it ended without showing ${text}: ${output}`)));
        look();
      }),
  };
}
