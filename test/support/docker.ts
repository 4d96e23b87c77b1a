import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { temporaryDirectory } from './files.ts';
import { collectOutput, endProcess, type Finished, type RunOptions, run, runOk, start } from './processes.ts';
import { onEnd, type Scope } from './scope.ts';
import { findTool, missingTool, notRoot } from './tools.ts';

/** What an engine of a test has otherwise than the others. */
export interface EngineOptions {
  flags?: string[];
  /** For the engine and for the command. */
  env?: Record<string, string>;
  /** A command that runs the engine, which follows it: in a namespace, say. It has to keep its process id. */
  within?: string[];
}

export interface DockerEngine {
  /** Runs a docker command against this engine. */
  docker(args: string[], options?: RunOptions): Promise<Finished>;
  /** The same for a command that must succeed; returns its standard output. */
  ok(args: string[], options?: RunOptions): Promise<string>;
  login(host: string, user: string, password: string): Promise<Finished>;
  /** Copies one file out of an image without running it. */
  copyOut(image: string, file: string, destination: string): Promise<void>;
  pid: number;
}

const START_TIMEOUT_MS = 60_000;

/** For `skip`: the reason why no engine can be started here, or false. */
export function missingDocker(): string | false {
  return missingTool('docker', 'dockerd', 'containerd', 'busybox') || notRoot();
}

/**
 * Starts a docker engine with a place of its own. It touches no bridge and no firewall, so it runs
 * beside others and where there is no right to the network.
 */
export async function startDockerEngine(
  scope: Scope,
  { flags = [], env: own = {}, within = [] }: EngineOptions = {},
): Promise<DockerEngine> {
  const directory = await temporaryDirectory(scope, 'docker');
  const host = `unix://${directory}/docker.sock`;
  const config = join(directory, 'config');
  await mkdir(config);
  const [command, ...args] = [...within, findTool('dockerd')!, ...engineFlags(directory, host), ...flags];
  const engine = start(command!, args, {
    env: { ...process.env, DOCKER_HOST: undefined, PATH: `${process.env.PATH}:/usr/sbin:/sbin`, ...own },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const { stderr } = collectOutput(engine);
  onEnd(scope, async () => {
    await endProcess(engine);
    await unmountBelow(directory);
  });
  // The classic builder: the newer one is a plugin that Debian does not ship.
  const env = {
    DOCKER_HOST: host,
    DOCKER_CONFIG: config,
    DOCKER_CONTEXT: undefined,
    DOCKER_BUILDKIT: '0',
    ...own,
  };
  const docker = (args: string[], options: RunOptions = {}) =>
    run('docker', args, { ...options, env: { ...env, ...options.env } });
  const ok = (args: string[], options: RunOptions = {}) =>
    runOk('docker', args, { ...options, env: { ...env, ...options.env } });

  const deadline = performance.now() + START_TIMEOUT_MS;
  while ((await docker(['version'])).code !== 0) {
    if (engine.exitCode !== null || performance.now() > deadline) {
      throw new Error(`dockerd did not start:\n${stderr().slice(-4000)}`);
    }
    await setTimeout(100);
  }
  const login = (registry: string, user: string, password: string) =>
    docker(['login', '--username', user, '--password-stdin', registry], { input: password });
  const copyOut = async (image: string, file: string, destination: string) => {
    const container = (await ok(['create', '--network=none', image, 'nothing'])).trim();
    await ok(['cp', `${container}:${file}`, destination]);
    await ok(['rm', container]);
  };
  return { docker, ok, login, copyOut, pid: engine.pid! };
}

/** Pushes an image under a name, forgets all images and pulls that one again. */
export async function pushRemoveAndPull(
  engine: DockerEngine,
  local: string,
  reference: string,
): Promise<void> {
  await engine.ok(['tag', local, reference]);
  await engine.ok(['push', reference]);
  await removeImages(engine);
  await engine.ok(['pull', reference]);
}

/** Removes all images: a pull that finds a layer in place would prove nothing. */
export async function removeImages({ ok }: DockerEngine): Promise<void> {
  // By name and all of them, since one image cannot go while another stands on it.
  const names = await ok(['image', 'ls', '--format', '{{.Repository}}:{{.Tag}}']);
  await ok(['image', 'rm', ...names.trim().split('\n')]);
  assert.equal(await ok(['image', 'ls', '--all', '--quiet']), '');
}

function engineFlags(directory: string, host: string): string[] {
  const place = ['--data-root', `${directory}/data`, '--exec-root', `${directory}/exec`];
  const network = ['--iptables=false', '--ip6tables=false', '--bridge=none'];
  return [...place, ...network, '--pidfile', `${directory}/pid`, '--host', host];
}

/** Where mounts are private, as in a container, the engine mounts its own directory and leaves it so. */
async function unmountBelow(directory: string): Promise<void> {
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8'))
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '');
  for (const path of mounts.filter((mount) => mount.startsWith(`${directory}/`)).reverse()) {
    await runOk('umount', [path]);
  }
}
