import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryDirectory } from './files.ts';
import { runOk } from './processes.ts';
import { onEnd, type Scope } from './scope.ts';

/** Another machine, as far as addresses go: a network namespace with a cable to this one. */
export interface OtherMachine {
  /** This machine, as seen from there: no loopback address. */
  address: string;
  /** Its `/etc/docker`. */
  dockerDirectory: string;
  /** Put before a command to run it there. */
  within: string[];
}

/** To be removed with the scope; takes root. The cable is there before anything is started. */
export async function otherMachine(scope: Scope): Promise<OtherMachine> {
  // Of 10.213.0.0/16, a network of four addresses that no other test of this moment has.
  const id = process.pid % 16_384;
  const base = id * 4;
  const at = (host: number) => `10.213.${base >> 8}.${(base & 0xff) + host}`;
  const [name, cable] = [`gatehouse-${id}`, `gh${id}`];
  await runOk('ip', ['netns', 'add', name]);
  onEnd(scope, () => runOk('ip', ['netns', 'delete', name]));
  await runOk('ip', ['link', 'add', cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name]);
  await runOk('ip', ['address', 'add', `${at(1)}/30`, 'dev', cable]);
  await runOk('ip', ['link', 'set', cable, 'up']);
  for (const device of ['lo', 'eth0']) await runOk('ip', ['-n', name, 'link', 'set', device, 'up']);
  await runOk('ip', ['-n', name, 'address', 'add', `${at(2)}/30`, 'dev', 'eth0']);
  const dockerDirectory = join(await temporaryDirectory(scope, 'etc'), 'docker');
  await mkdir(dockerDirectory);
  // Not `ip netns exec`, which mounts another /sys, where the engine misses its control groups.
  const enter = ['nsenter', `--net=/run/netns/${name}`, 'unshare', '--mount', 'sh', '-c'];
  const script = `mkdir -p /etc/docker && mount --bind '${dockerDirectory}' /etc/docker && exec "$@"`;
  return { address: at(1), dockerDirectory, within: [...enter, script, 'sh'] };
}
