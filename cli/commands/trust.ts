import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dataPaths } from '../../runtime/config.ts';
import type { Config } from '../../runtime/config-schema.ts';
import { type Call, type Command, namedPositionals } from '../command.ts';
import { CommandError, UsageError } from '../errors.ts';
import { printLine } from '../output.ts';
import { loadSettings } from '../settings.ts';
import { type Client, clients, installFiles, installScript, trustFiles } from '../trust-files.ts';
import { registryHosts, servedPort } from '../trust-hosts.ts';
import { systemTrust, updateStore } from '../trust-system.ts';

export const command: Command = {
  summary: 'make a client of this machine trust the registry',
  usage: ['trust docker|podman|containerd|system [--host HOST:PORT] [--print] [--root DIR]'],
  description:
    'Puts the certificate of the own authority where the client looks for it: for one registry alone (docker, podman,\ncontainerd), under each of its names, or for every program of the machine (system). To be run as root.\nFor other machines --print writes a script, and `gatehouse cert show` a line that fetches and compares it.',
  options: {
    host: { type: 'string', value: 'HOST:PORT', description: 'this registry name only, as images have it' },
    print: { type: 'boolean', description: 'print a shell script that does it' },
    root: {
      type: 'string',
      value: 'DIR',
      description: 'below this directory, as for an image that is built',
    },
  },
  examples: [
    ['trust docker', 'for dockerd of this machine; it needs no restart'],
    ['trust podman --print | ssh host sudo sh', 'for podman of another one'],
    ['trust system', 'for curl, git and everything else'],
  ],
  async run(call) {
    const { CLIENT } = namedPositionals(call.positionals, ['CLIENT']);
    const client = clients.find((name) => name === CLIENT);
    if (!client) throw new UsageError(`expected one of: ${clients.join(', ')}`);
    // As whoever asks: the files belong to root, not to the owner of the data directory.
    const { config } = loadSettings(call.flags);
    const ca = await readAuthority(config);
    if (client === 'system') await trustSystem(ca, call);
    else await trustClient(client, ca, config, call);
    return 0;
  },
};

async function readAuthority(config: Config): Promise<string> {
  const mode = config['tls.mode'];
  if (mode === 'files' || mode === 'off') {
    throw new CommandError(`the certificate is not by an authority of our own (tls.mode: ${mode})`);
  }
  return readFile(join(dataPaths(config).certificates, 'ca.crt'), 'utf8');
}

async function trustClient(
  client: Exclude<Client, 'system'>,
  ca: string,
  config: Config,
  { given, values }: Call,
): Promise<void> {
  const host = values.get('host');
  if (host !== undefined && !/^[a-z0-9.:[\]_-]+$/i.test(host)) {
    throw new UsageError('--host takes a name and a port, such as registry.example.com:5000');
  }
  const hosts = host === undefined ? registryHosts(config, await servedPort(config)) : [host];
  const files = trustFiles(client, hosts, ca);
  if (given.has('print')) return void process.stdout.write(installScript(files));
  const root = values.get('root') ?? '';
  await installFiles(root, files);
  for (const { path } of files) printLine(`${root}${path}`);
  if (client === 'containerd') {
    printLine('containerd reads this directory where its config_path names it; see docs/tls.md.');
  }
}

async function trustSystem(ca: string, { given, values }: Call): Promise<void> {
  const root = values.get('root') ?? '';
  const { file, command } = await systemTrust(ca, root);
  if (given.has('print')) return void process.stdout.write(installScript([file], [command]));
  await installFiles(root, [file]);
  printLine(`${root}${file.path}`);
  if (root === '') await updateStore(command);
  else printLine(`To be run there: ${command}`);
}
