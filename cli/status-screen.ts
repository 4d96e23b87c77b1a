import type { ProgressReport, Report } from '../gc/index.ts';
import type { CoreStatus } from '../runtime/core-status.ts';
import type { DiskSpace } from '../runtime/disk.ts';
import type { ProcessFigures } from '../runtime/process-figures.ts';
import type { SupervisorStatus } from '../supervisor/index.ts';
import { countOf, formatBytes, formatUptime, statusLine as line } from './format.ts';
import { type GatewayStatus, gatewayAddresses } from './gateway-status.ts';
import { printLine, printTable } from './output.ts';
import { certificateLines } from './status-certificates.ts';

/** What `gatehouse status --json` prints. The names are an interface for scripts. */
export interface Status {
  running: boolean;
  /** A push or a pull that came now would be served. */
  ready: boolean;
  version: string;
  data: string;
  supervisor: SupervisorStatus | null;
  gateway: GatewayStatus | null;
  core: CoreStatus | null;
  gc: CollectorStatus | null;
  storage: DiskSpace | null;
  /** The settings of that name, as they would be written. */
  limits: Record<string, string>;
}

/** What the collector answers; only what is shown here. */
export interface CollectorStatus {
  next_run: string | null;
  running: boolean;
  progress: ProgressReport | null;
  last_report: Report | null;
  process: ProcessFigures;
}

/** One screen for people. */
export function showStatus(status: Status): void {
  const { running, data, supervisor, gateway, gc, storage } = status;
  if (!(supervisor ?? gateway ?? gc)) {
    printLine(`Gatehouse does not run on ${data}.`);
    return;
  }
  const by = supervisor
    ? ` (supervisor ${supervisor.pid}, up ${formatUptime(supervisor.uptimeSeconds)})`
    : '';
  printLine(`Gatehouse ${running ? 'runs' : 'runs, but not all of it,'} on ${data}${by}.\n`);
  showProcesses(status);
  const lines = [
    ...gatewayAddresses(gateway).map((address) => line('listens on', address)),
    ...readinessLines(gateway),
    ...certificateLines(gateway),
    ...htpasswdLines(gateway),
    ...auditLines(gateway),
    ...trafficLines(status),
    ...metricsLines(gateway),
    ...collectorLines(gc),
    ...storageLines(storage),
    ...limitLines(status.limits),
    ...versionLines(status),
  ];
  for (const text of lines) printLine(text);
}

function figuresOf({ gateway, core, gc }: Status): Record<string, ProcessFigures | undefined> {
  return { core: core?.process, gateway: gateway?.process, gc: gc?.process };
}

function showProcesses(status: Status): void {
  const figures = figuresOf(status);
  const kept = status.supervisor?.processes;
  const rows = Object.entries(figures).map(([name, found]) => {
    const process = kept?.find((candidate) => candidate.name === name);
    const uptime = process?.uptimeSeconds ?? found?.uptime_seconds ?? 0;
    const state = process?.state ?? (found ? 'ready' : 'not there');
    return [
      name,
      found || state !== 'ready' ? state : 'no answer',
      String(process?.pid ?? found?.pid ?? '-'),
      state === 'ready' ? formatUptime(uptime) : '-',
      String(process?.restarts ?? '-'),
      found ? formatBytes(found.resident_bytes) : '-',
      found ? `${Math.round(found.event_loop_lag_seconds * 1000)} ms` : '-',
    ];
  });
  printTable(['process', 'state', 'pid', 'up', 'restarts', 'memory', 'lag'], rows);
  printLine();
}

function readinessLines(gateway: GatewayStatus | null): string[] {
  if (!gateway?.readiness) return [];
  const { ready, checks } = gateway.readiness;
  if (ready) return [line('ready', 'yes')];
  // What is wrong with the audit trail stands in a line of its own, and keeps nobody from anything.
  const wrong = Object.entries(checks).filter(([name, { ok }]) => !ok && name !== 'audit');
  return wrong.map(([, { message }]) => line('ready', `NO: ${message}`));
}

function trafficLines({ gateway, core }: Status): string[] {
  if (!gateway) return [];
  const active = `${countOf(gateway.requests.active, 'request')} under way of ${gateway.requests.total}`;
  const connections = gateway.connections === undefined ? [] : [countOf(gateway.connections, 'connection')];
  const uploads = core ? [countOf(core.uploads_open, 'upload session')] : [];
  return [line('traffic', [active, ...connections, ...uploads].join(', '))];
}

function metricsLines(gateway: GatewayStatus | null): string[] {
  return gateway?.metrics ? [line('metrics', gateway.metrics.url)] : [];
}

function collectorLines(gc: CollectorStatus | null): string[] {
  if (!gc) return [];
  const next = gc.next_run ? `next run ${gc.next_run}` : 'runs when asked to';
  const { progress, last_report: last } = gc;
  const far = progress ? ` (${progress.phase}, ${progress.done} of ${progress.total})` : '';
  const errors = last && last.errors.length > 0 ? `, ${countOf(last.errors.length, 'error')}` : '';
  return [
    line('collector', gc.running ? `a run is under way${far}` : next),
    ...(last
      ? [line('last run', `${last.finished_at}, freed ${formatBytes(last.bytes_freed)}${errors}`)]
      : []),
  ];
}

export function storageLines(storage: DiskSpace | null): string[] {
  return (storage?.file_systems ?? []).map(({ path, free_bytes, total_bytes, reserve_bytes, short }) => {
    const room = `${formatBytes(free_bytes)} free of ${formatBytes(total_bytes)} on ${path}`;
    const reserve = `reserve ${formatBytes(reserve_bytes)}`;
    return line(
      'storage',
      short ? `SHORT: ${room}, ${reserve}: new uploads are refused` : `${room}, ${reserve}`,
    );
  });
}

function limitLines(limits: Record<string, string>): string[] {
  const texts = Object.entries(limits).map(([name, value]) => `${name.replace(/^limits\./, '')} ${value}`);
  return texts.length === 0 ? [] : [line('limits', texts.join(', '))];
}

/** One line; after an upgrade without a restart it says which process is still the old one. */
function versionLines(status: Status): string[] {
  const running = Object.entries(figuresOf(status)).filter(([, found]) => found !== undefined);
  const versions = running.map(
    ([name, found]) => [name, `${found!.version} on Node ${found!.node}`] as const,
  );
  const distinct = new Set(versions.map(([, version]) => version));
  if (distinct.size === 0) return [];
  const [only] = distinct;
  const text =
    distinct.size === 1 ? only! : versions.map(([name, version]) => `${name} ${version}`).join(', ');
  const own = running.some(([, found]) => found!.version !== status.version)
    ? ` (this command is ${status.version}: restart to run it)`
    : '';
  return [line('version', text + own)];
}

/** Only of trouble. */
function auditLines(gateway: GatewayStatus | null): string[] {
  const { error, waiting = 0, dropped = 0, linesError } = gateway?.audit ?? {};
  const { ok, message } = gateway?.readiness?.checks['audit'] ?? { ok: true };
  return [
    ...(!ok && !error ? [line('audit', `NOT SOUND: ${message}`)] : []),
    ...(error ? [line('audit', `NOT WRITTEN: ${error}; ${waiting} entries wait`)] : []),
    ...(dropped > 0 ? [line('audit', `${dropped} entries were LOST since the start`)] : []),
    ...(linesError ? [line('audit', `audit.json_lines is NOT WRITTEN: ${linesError}`)] : []),
  ];
}

function htpasswdLines(gateway: GatewayStatus | null): string[] {
  const htpasswd = gateway?.htpasswd;
  if (!htpasswd) return [];
  const { path, users, loadedAt, faults } = htpasswd;
  const inUse = line('htpasswd', `${users} users of ${path}, as it was at ${loadedAt}`);
  return [inUse, ...faults.map((fault) => line('', `NOT IN USE as it is now: ${fault}`))];
}
