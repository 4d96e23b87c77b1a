import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { temporaryDirectory } from './files.ts';
import type { Gatehouse } from './gatehouse.ts';
import { collectOutput, endProcess, type Finished, run, runOk, start } from './processes.ts';
import { onEnd, type Scope } from './scope.ts';
import { findTool } from './tools.ts';

export interface Containerd {
  /** Runs a command of `ctr` against this containerd. */
  ctr(args: string[]): Promise<Finished>;
  /** The same for a command that must succeed; returns its standard output. */
  ok(args: string[]): Promise<string>;
  /** For --hosts-dir: how the gateway is reached, and its certificate authority. */
  hostsDir: string;
  /** The same without the authority. */
  hostsDirWithoutCa: string;
}

const START_TIMEOUT_MS = 30_000;

/** Starts a containerd with a place of its own, without what only Kubernetes or running containers need. */
export async function startContainerd(scope: Scope, gatehouse: Gatehouse): Promise<Containerd> {
  const directory = await temporaryDirectory(scope, 'containerd');
  const address = join(directory, 'containerd.sock');
  const config = join(directory, 'config.toml');
  await writeFile(config, configuration(directory, address));
  const daemon = start(findTool('containerd')!, ['--config', config], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onEnd(scope, () => endProcess(daemon));
  const { stderr } = collectOutput(daemon);
  const ctr = (args: string[]) => run('ctr', ['--address', address, ...args]);
  const ok = (args: string[]) => runOk('ctr', ['--address', address, ...args]);

  const deadline = performance.now() + START_TIMEOUT_MS;
  while ((await ctr(['version'])).code !== 0) {
    if (daemon.exitCode !== null || performance.now() > deadline) {
      throw new Error(`containerd did not start:\n${stderr().slice(-4000)}`);
    }
    await setTimeout(100);
  }
  return { ctr, ok, ...(await writeHosts(directory, gatehouse)) };
}

// The native snapshotter copies whole directories, but it works on every kernel and file system.
function configuration(directory: string, address: string): string {
  const snapshotters = ['aufs', 'btrfs', 'devmapper', 'overlayfs', 'zfs'];
  const disabled = ['grpc.v1.cri', ...snapshotters.map((name) => `snapshotter.v1.${name}`)];
  return `version = 2
root = "${directory}/root"
state = "${directory}/state"
disabled_plugins = ${JSON.stringify(disabled.map((name) => `io.containerd.${name}`))}
[grpc]
  address = "${address}"
[ttrpc]
  address = "${address}.ttrpc"
`;
}

async function writeHosts(directory: string, { host, origin, caPath }: Gatehouse) {
  const ca = join(directory, 'ca.crt');
  await copyFile(caPath, ca);
  const write = async (name: string, more: string) => {
    const hosts = join(directory, name);
    await mkdir(join(hosts, host), { recursive: true });
    // As the README has it. The scheme has to be said: ctr takes localhost with a port for plain HTTP.
    const toml = `server = "${origin}"\n\n[host."${origin}"]\n${more}`;
    await writeFile(join(hosts, host, 'hosts.toml'), toml);
    return hosts;
  };
  return {
    hostsDir: await write('hosts', `  ca = "${ca}"\n`),
    hostsDirWithoutCa: await write('hosts-without-ca', ''),
  };
}
