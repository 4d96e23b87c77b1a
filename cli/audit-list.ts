import { setTimeout as delay } from 'node:timers/promises';
import {
  type AuditFilter,
  type AuditReader,
  newestEntries,
  openAuditReader,
} from '../gateway/audit/index.ts';
import { isPattern } from '../oci/repository-pattern.ts';
import { type AuditEntry, auditActions, formatEntry } from '../runtime/audit-entry.ts';
import { parseDuration } from '../runtime/duration.ts';
import type { Call } from './command.ts';
import { UsageError } from './errors.ts';
import { limitOf } from './limit.ts';
import { printJson, printLine, printTable } from './output.ts';
import { loadExisting } from './settings.ts';

const pollMs = 200;
const chainOptions = new Set(['verify', 'head', 'json']);

/** `gatehouse audit` */
export async function runAudit(call: Call): Promise<number> {
  const isChain = call.given.has('verify') || call.given.has('head');
  const foreign = [...call.given].find((name) => isChain && !chainOptions.has(name));
  if (foreign) throw new UsageError(`--${foreign} does not go with --verify`);
  const filter = filterOf(call.values);
  const limit = limitOf(call, 100);
  const { config } = loadExisting(call.flags);
  const reader = openAuditReader(config);
  try {
    if (isChain) return verify(reader, call);
    const block = reader.newestBlock();
    show(await newestEntries(config, reader, filter, limit), call);
    if (call.given.has('follow')) await follow(reader, filter, block, call);
    return 0;
  } finally {
    reader.close();
  }
}

function show(entries: readonly AuditEntry[], { given }: Call): void {
  if (given.has('json')) for (const entry of entries) printLine(formatEntry(entry));
  else if (given.has('follow')) for (const entry of entries) printLine(rowOf(entry).join('  ').trimEnd());
  else if (entries.length === 0) printLine('No such entries.');
  else printTable(['time', 'who', 'from', 'action', 'what', 'result'], entries.map(rowOf));
}

/** Until the signal that ends it. */
async function follow(reader: AuditReader, filter: AuditFilter, block: number, call: Call): Promise<void> {
  let [version, last] = [-1, block];
  for (;;) {
    const now = reader.version();
    if (now !== version) {
      const found = reader.following(filter, last);
      show(found.entries, call);
      [version, last] = [now, found.block];
    }
    await delay(pollMs);
  }
}

function verify(reader: AuditReader, { given, values }: Call): number {
  const head = values.get('head');
  if (head !== undefined && !/^[0-9a-f]{64}$/.test(head)) {
    throw new UsageError('--head: expected the 64 digits that --verify printed');
  }
  const report = reader.verify(head);
  if (given.has('json')) printJson(report);
  else {
    const state =
      report.brokenAt === null ? 'unchanged' : `NOT what was written, from block ${report.brokenAt} on`;
    printLine(`${report.entries} entries in ${report.blocks} blocks: ${state}`);
    printLine(`head ${report.head ?? '(none yet)'}`);
    if (report.headFound === true) printLine('the given head is in the chain: all until then is as it was');
    if (report.headFound === false) {
      printLine('the given head is NOT in the chain: entries were changed, or retention removed its block');
    }
  }
  return report.brokenAt === null && report.headFound !== false ? 0 : 1;
}

function filterOf(values: ReadonlyMap<string, string>): AuditFilter {
  const repository = values.get('repo');
  if (repository !== undefined && !isPattern(repository)) {
    throw new UsageError(
      `--repo: ${JSON.stringify(repository)} is not a repository pattern, such as 'team/**'`,
    );
  }
  const action = values.get('action');
  const known = Object.keys(auditActions);
  if (action !== undefined && !known.some((name) => name === action || name.startsWith(`${action}.`))) {
    throw new UsageError(`--action: expected one of ${known.join(', ')}`);
  }
  return {
    user: values.get('user'),
    address: values.get('address'),
    repository,
    action,
    since: timeOf(values, 'since'),
    until: timeOf(values, 'until'),
  };
}

/** An age or a time, in milliseconds since 1970. @throws UsageError */
function timeOf(values: ReadonlyMap<string, string>, name: string): number | undefined {
  const text = values.get(name);
  if (text === undefined) return undefined;
  const age = parseDuration(text);
  const time = age === undefined && /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (age !== undefined) return Date.now() - age;
  if (!Number.isNaN(time)) return time;
  throw new UsageError(
    `--${name}: expected an age such as 90m or 7d, or a time such as 2026-01-31T08:00:00Z`,
  );
}

function rowOf(entry: AuditEntry): string[] {
  const { at, actor, actorKind, credential, address, action, repository, reference, digest, subject } = entry;
  const who =
    actorKind === 'anonymous' ? 'anonymous' : actorKind === 'operator' ? `${actor} (operator)` : actor;
  const separator = reference?.includes(':') ? '@' : ':';
  const content = repository && [repository, reference ?? digest].filter(Boolean).join(separator);
  const detail = Object.entries(entry.detail ?? {}).map(([name, value]) => `${name}=${String(value)}`);
  return [
    new Date(at).toISOString(),
    credential && credential !== 'password' ? `${who} (${credential})` : who,
    address ?? '-',
    action,
    [content, subject, ...detail].filter(Boolean).join(' ') || '-',
    entry.status === undefined ? entry.result : `${entry.result} ${entry.status}`,
  ];
}
