import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryDirectory } from './files.ts';
import { type Finished, type RunOptions, run, runOk } from './processes.ts';
import type { Scope } from './scope.ts';

export interface ContainerTool {
  /** Runs a command of the tool on storage of its own. */
  run(args: string[], options?: RunOptions): Promise<Finished>;
  /** The same for a command that must succeed; returns its standard output, trimmed. */
  ok(args: string[], options?: RunOptions): Promise<string>;
  login(host: string, user: string, password: string): Promise<Finished>;
  /** The directory with the certificate authority, for --cert-dir. */
  certDir: string;
}

/** podman or buildah with storage, credentials and trust of their own. */
export async function containerTool(
  scope: Scope,
  name: 'podman' | 'buildah' | 'skopeo',
  caPath: string,
): Promise<ContainerTool> {
  const directory = await temporaryDirectory(scope, name);
  const certDir = join(directory, 'certs');
  await mkdir(certDir);
  await copyFile(caPath, join(certDir, 'ca.crt'));
  // podman refuses to start with the name of a file that is not there.
  const authFile = join(directory, 'auth.json');
  await writeFile(authFile, '{}', { mode: 0o600 });
  const env = { REGISTRY_AUTH_FILE: authFile, HOME: directory, TMPDIR: directory };
  const storage = name === 'skopeo' ? [] : storageFlags(directory);
  const withEnv = (options: RunOptions = {}) => ({ ...options, env: { ...env, ...options.env } });
  return {
    run: (args, options) => run(name, [...storage, ...args], withEnv(options)),
    ok: async (args, options) => (await runOk(name, [...storage, ...args], withEnv(options))).trim(),
    login: (host, user, password) =>
      run(name, [...storage, ...loginArgs(certDir, user), host], withEnv({ input: password })),
    certDir,
  };
}

function loginArgs(certDir: string, user: string): string[] {
  return ['login', '--cert-dir', certDir, '--username', user, '--password-stdin'];
}

// vfs copies whole directories, but it works on every kernel and file system, inside containers too.
function storageFlags(directory: string): string[] {
  const flags = ['--root', join(directory, 'root'), '--runroot', join(directory, 'run')];
  return [...flags, '--storage-driver', 'vfs'];
}
