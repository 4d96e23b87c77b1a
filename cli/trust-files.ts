import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CommandError } from './errors.ts';

/** A file that makes a client trust us. */
export interface TrustFile {
  path: string;
  text: string;
}

export const clients = ['docker', 'podman', 'containerd', 'system'] as const;
export type Client = (typeof clients)[number];

const directories = {
  docker: '/etc/docker/certs.d',
  podman: '/etc/containers/certs.d',
  containerd: '/etc/containerd/certs.d',
};

/** Where the client looks for the authority of each of these registries. */
export function trustFiles(
  client: Exclude<Client, 'system'>,
  hosts: readonly string[],
  ca: string,
): TrustFile[] {
  return hosts.flatMap((host) => {
    const directory = `${directories[client]}/${host}`;
    const authority = { path: `${directory}/ca.crt`, text: ca };
    if (client !== 'containerd') return [authority];
    return [authority, { path: `${directory}/hosts.toml`, text: hostsFile(host, authority.path) }];
  });
}

/** containerd, docs/hosts.md. */
function hostsFile(host: string, caPath: string): string {
  return `server = "https://${host}"\n\n[host."https://${host}"]\n  ca = "${caPath}"\n`;
}

/** @throws CommandError for a hosts.toml that says something else: somebody may have written it with care. */
export async function installFiles(root: string, files: readonly TrustFile[]): Promise<void> {
  for (const { path, text } of files) {
    if (!path.endsWith('.toml')) continue;
    const present = await readFile(root + path, 'utf8').catch(() => undefined);
    if (present === undefined || present === text) continue;
    throw new CommandError(`${root}${path} is there already; add to it by hand:\n${text}`);
  }
  // Whoever may run containers has to be able to read them; the command itself runs with a strict one.
  const umask = process.umask(0o022);
  try {
    for (const { path, text } of files) {
      await mkdir(dirname(root + path), { recursive: true });
      await writeFile(root + path, text);
    }
  } finally {
    process.umask(umask);
  }
}

/** The same as a script for a shell, to be run as root, here or elsewhere. */
export function installScript(files: readonly TrustFile[], commands: readonly string[] = []): string {
  const writes = files.map(
    ({ path, text }) =>
      `mkdir -p '${dirname(path)}'\ncat >'${path}' <<'END_OF_FILE'\n${text.trimEnd()}\nEND_OF_FILE\n`,
  );
  return ['set -e\numask 022\n', ...writes, ...commands.map((command) => `${command}\n`)].join('');
}
