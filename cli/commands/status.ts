import { dataPaths } from '../../runtime/config.ts';
import type { ConfigName } from '../../runtime/config-schema.ts';
import { callControl } from '../../runtime/control.ts';
import { type CoreStatus, coreStatusPath } from '../../runtime/core-status.ts';
import { readDiskSpace } from '../../runtime/disk.ts';
import { version } from '../../runtime/version.ts';
import { supervisorPaths } from '../../supervisor/index.ts';
import { type Command, jsonOption, namedPositionals } from '../command.ts';
import { printJson } from '../output.ts';
import { settingText } from '../setting-text.ts';
import { loadExisting } from '../settings.ts';
import { type Status, showStatus } from '../status-screen.ts';

export const command: Command = {
  summary: 'show whether it runs, and how',
  usage: ['status [--json]'],
  description:
    'Processes, certificate, traffic, the last collection, disks, limits, versions.\nExit code 0: it runs and all its processes answer. 1: it does not.',
  options: jsonOption,
  examples: [
    ['status', 'one screen'],
    ['status --data /srv/gatehouse --json', 'for a script or a health check'],
  ],
  async run(call) {
    namedPositionals(call.positionals, []);
    const status = await readStatus(loadExisting(call.flags));
    if (call.given.has('json')) printJson(status);
    else showStatus(status);
    return status.running ? 0 : 1;
  },
};

async function readStatus(loaded: ReturnType<typeof loadExisting>): Promise<Status> {
  const { config } = loaded;
  const paths = dataPaths(config);
  const [supervisor, gateway, gc, core, storage] = await Promise.all([
    ask(supervisorPaths(config).socket) as Promise<Status['supervisor']>,
    ask(paths.gatewaySocket) as Promise<Status['gateway']>,
    ask(paths.collectorSocket) as Promise<Status['gc']>,
    ask(paths.coreSocket, coreStatusPath) as Promise<CoreStatus | null>,
    readDiskSpace(config).catch(() => null),
  ]);
  const names = Object.keys(config).filter((name) => name.startsWith('limits.')) as ConfigName[];
  return {
    running: isRunning(supervisor, gateway),
    ready: gateway?.readiness?.ready ?? false,
    version: version(),
    data: config.data,
    supervisor,
    gateway,
    core,
    gc,
    storage,
    limits: Object.fromEntries(names.map((name) => [name, settingText(loaded, name)])),
  };
}

/** A process that does not answer is one that does not run, whatever the reason. */
async function ask(socket: string, path = '/status'): Promise<unknown> {
  return (await callControl(socket, 'GET', path).catch(() => undefined)) ?? null;
}

/** Without a supervisor each process runs alone, and the front door is what counts. */
function isRunning(supervisor: Status['supervisor'], gateway: Status['gateway']): boolean {
  return gateway !== null && (supervisor?.processes.every(({ state }) => state === 'ready') ?? true);
}
