import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';

export interface Measured {
  code: number | null;
  seconds: number;
  /** The most that was resident, in MiB. */
  peakMib: number;
  stdout: string;
}

/** Runs a command to its end. Linux only: the peak is the kernel's own record of the process. */
export async function measure(
  command: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<Measured> {
  const startedAt = performance.now();
  const child = spawn(command, args, {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let peakMib = 0;
  const look = () => {
    peakMib = Math.max(peakMib, peakOf(child.pid!));
  };
  const looking = setInterval(look, 5);
  const [stdout, stderr] = [text(child.stdout), text(child.stderr)];
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearInterval(looking);
  if (code !== 0)
    throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${(await stderr).slice(-2000)}`);
  return { code, seconds: (performance.now() - startedAt) / 1000, peakMib, stdout: await stdout };
}

function peakOf(pid: number): number {
  try {
    const [, kib = '0'] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kib) / 1024;
  } catch {
    // It has ended.
    return 0;
  }
}
