import type { ProgressReport, Report } from '../../gc/index.ts';
import { dataPaths } from '../../runtime/config.ts';
import type { Config } from '../../runtime/config-schema.ts';
import { callControl } from '../../runtime/control.ts';
import { type DiskSpace, readDiskSpace } from '../../runtime/disk.ts';
import { type SupervisorStatus, supervisorPaths } from '../../supervisor/index.ts';
import { type Command, jsonOption, namedPositionals } from '../command.ts';
import { formatBytes, formatUptime } from '../format.ts';
import { type GatewayStatus, gatewayAddresses } from '../gateway-status.ts';
import { printJson, printLine, printTable } from '../output.ts';
import { loadExisting } from '../settings.ts';

interface Status {
  running: boolean;
  data: string;
  supervisor: SupervisorStatus | null;
  gateway: GatewayStatus | null;
  gc: CollectorStatus | null;
  storage: DiskSpace | null;
}

/** What the collector answers; only what is shown here. */
interface CollectorStatus {
  next_run: string | null;
  running: boolean;
  progress: ProgressReport | null;
  last_report: Report | null;
}

export const command: Command = {
  summary: 'show whether it runs, and how',
  usage: ['status [--json]'],
  description: 'Exit code 0: it runs and all its processes answer. 1: it does not.',
  options: jsonOption,
  examples: [
    ['status', 'one screen'],
    ['status --data /srv/gatehouse --json', 'for a script or a health check'],
  ],
  async run(call) {
    namedPositionals(call.positionals, []);
    const { config } = loadExisting(call.flags);
    const status = await readStatus(config);
    if (call.given.has('json')) printJson(status);
    else show(status);
    return status.running ? 0 : 1;
  },
};

async function readStatus(config: Config): Promise<Status> {
  const paths = dataPaths(config);
  const [supervisor, gateway, gc] = await Promise.all(
    [supervisorPaths(config).socket, paths.gatewaySocket, paths.collectorSocket].map(ask),
  );
  const storage = await readDiskSpace(config).catch(() => null);
  const status = { data: config.data, supervisor, gateway, gc, storage } as Omit<Status, 'running'>;
  return { running: isRunning(status), ...status };
}

/** A process that does not answer is one that does not run, whatever the reason. */
async function ask(socket: string): Promise<unknown> {
  return (await callControl(socket, 'GET', '/status').catch(() => undefined)) ?? null;
}

/** Without a supervisor each process runs alone, and the front door is what counts. */
function isRunning({ supervisor, gateway }: Omit<Status, 'running'>): boolean {
  return gateway !== null && (supervisor?.processes.every(({ state }) => state === 'ready') ?? true);
}

function show({ running, data, supervisor, gateway, gc, storage }: Status): void {
  const found = supervisor ?? gateway ?? gc;
  if (!found) {
    printLine(`Gatehouse does not run on ${data}.`);
    return;
  }
  const by = supervisor ? `supervisor ${supervisor.pid}, up ${formatUptime(supervisor.uptimeSeconds)}` : '';
  printLine(
    `Gatehouse ${running ? 'runs' : 'runs, but not all of it,'} on ${data}${by ? ` (${by})` : ''}.\n`,
  );
  if (supervisor) showProcesses(supervisor);
  for (const address of gatewayAddresses(gateway)) printLine(`listens on   ${address}`);
  const lines = [...certificateLines(gateway), ...collectorLines(gc), ...storageLines(storage)];
  for (const line of lines) printLine(line);
}

function showProcesses({ processes }: SupervisorStatus): void {
  printTable(
    ['process', 'state', 'pid', 'up', 'restarts'],
    processes.map(({ name, state, pid, uptimeSeconds, restarts }) => [
      name,
      state,
      String(pid ?? '-'),
      state === 'ready' ? formatUptime(uptimeSeconds) : '-',
      String(restarts),
    ]),
  );
  printLine();
}

function collectorLines(gc: CollectorStatus | null): string[] {
  if (!gc) return [];
  const next = gc.next_run ? `next run ${gc.next_run}` : 'runs when asked to';
  const last = gc.last_report;
  const freed = last ? [`last run     ${last.finished_at}, freed ${formatBytes(last.bytes_freed)}`] : [];
  const { progress } = gc;
  const far = progress ? ` (${progress.phase}, ${progress.done} of ${progress.total})` : '';
  return [`collector    ${gc.running ? `a run is under way${far}` : next}`, ...freed];
}

export function storageLines(storage: DiskSpace | null): string[] {
  return (storage?.file_systems ?? []).map(({ path, free_bytes, total_bytes, reserve_bytes, short }) => {
    const room = `${formatBytes(free_bytes)} free of ${formatBytes(total_bytes)} on ${path}`;
    const reserve = `reserve ${formatBytes(reserve_bytes)}`;
    return short
      ? `storage      SHORT: ${room}, ${reserve}: new uploads are refused`
      : `storage      ${room}, ${reserve}`;
  });
}

function certificateLines(gateway: GatewayStatus | null): string[] {
  const certificate = gateway?.certificate;
  return certificate
    ? [`certificate  until ${certificate.notAfter} (${certificate.daysLeft} days left)`]
    : [];
}
