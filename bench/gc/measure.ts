import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { cpuSecondsOf, peakMibOf } from '../processes.ts';

export interface Measured {
  code: number | null;
  seconds: number;
  /** Of the processor, in user and kernel; to be compared where others load the machine. */
  cpuSeconds: number;
  /** The most that was resident, in MiB. */
  peakMib: number;
  stdout: string;
}

/** Runs a command to its end. Linux only: peak and processor time are the kernel's own records of the process. */
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
  let cpuSeconds = 0;
  const look = () => {
    peakMib = Math.max(peakMib, peakMibOf(child.pid!));
    cpuSeconds = Math.max(cpuSeconds, cpuSecondsOf(child.pid!));
  };
  const looking = setInterval(look, 5);
  const [stdout, stderr] = [text(child.stdout), text(child.stderr)];
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearInterval(looking);
  if (code !== 0)
    throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${(await stderr).slice(-2000)}`);
  const seconds = (performance.now() - startedAt) / 1000;
  return { code, seconds, cpuSeconds, peakMib, stdout: await stdout };
}
