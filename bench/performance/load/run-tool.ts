import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

/** docker-registry has no manifest for those who do not say that they read this kind. */
export const accept = 'Accept: application/vnd.oci.image.manifest.v1+json';

/** Runs a program to its end. @returns what it printed. @throws Error when it fails. */
export async function runTool(command: string, args: readonly string[]): Promise<string> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const failed = new Promise<never>((_, reject) => child.once('error', reject));
  const code = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [stdout, stderr] = await Promise.race([
    Promise.all([text(child.stdout), text(child.stderr)]),
    failed,
  ]);
  if ((await code) !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr || stdout}`);
  return stdout;
}
