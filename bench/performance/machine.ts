import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';

/** Where and with what it was measured. */
export function describeMachine(): string {
  const os = /^PRETTY_NAME="(.*)"$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'Linux';
  return [
    `${availableParallelism()} cores of ${cpus()[0]!.model}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${os}`,
    `Gatehouse ${first('git', ['-C', import.meta.dirname, 'describe', '--always', '--dirty'])} on Node ${process.version}`,
    first('docker-registry', ['--version']),
    first('nginx', ['-v']),
    `${new Date().toISOString().slice(0, 16)}Z; the load runs on the same cores`,
  ].join('\n');
}

function first(command: string, args: readonly string[]): string {
  const environment = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` };
  const { stdout, stderr } = spawnSync(command, args, { env: environment, encoding: 'utf8' });
  return `${stdout ?? ''}${stderr ?? ''}`.trim().split('\n')[0] ?? '';
}
