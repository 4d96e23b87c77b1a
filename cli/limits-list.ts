import { isIP } from 'node:net';
import type { LimitsReport, LimitUse } from '../gateway/admin.ts';
import { dataPaths } from '../runtime/config.ts';
import { callControl } from '../runtime/control.ts';
import { type Call, namedPositionals } from './command.ts';
import { CommandError, UsageError } from './errors.ts';
import { countOf, formatUptime } from './format.ts';
import { printJson, printLine, printTable } from './output.ts';
import { loadExisting } from './settings.ts';

export async function runLimits(call: Call): Promise<number> {
  const [verb, ...rest] = call.positionals;
  namedPositionals(rest, []);
  if (verb !== undefined && verb !== 'reset') throw new UsageError('expected reset, or nothing');
  const question = readQuestion(call, verb === 'reset');
  const { config } = loadExisting(call.flags);
  const ask = async (method: string, path: string) => {
    const answer = await callControl(dataPaths(config).gatewaySocket, method, path, question);
    if (answer === undefined) throw new CommandError(`no gateway runs on ${config.data}`);
    return answer;
  };
  const asJson = call.given.has('json');
  if (verb === 'reset') {
    const done = (await ask('POST', '/limits/reset')) as { budgets: number; locks: number };
    if (asJson) printJson(done);
    else
      printLine(
        `Forgotten: ${countOf(done.budgets, 'budget')}, failed logins of ${countOf(done.locks, 'pair')}.`,
      );
    return 0;
  }
  const report = (await ask('POST', '/limits')) as LimitsReport;
  if (asJson) printJson(report);
  else show(report);
  return 0;
}

function readQuestion({ given, values }: Call, isReset: boolean) {
  const [account, address] = [values.get('account'), values.get('address')];
  if (address !== undefined && isIP(address) === 0)
    throw new UsageError(`--address: ${address} is no IP address`);
  const names = [account, address].filter((value) => value !== undefined).length + Number(given.has('all'));
  if (isReset && names !== 1) throw new UsageError('whose? one of --account NAME, --address ADDRESS, --all');
  if (!isReset && given.has('all')) throw new UsageError('--all belongs to reset');
  return { ...(account !== undefined && { account }), ...(address !== undefined && { address }) };
}

function show({ mode, uses, total, locked_logins }: LimitsReport): void {
  if (mode !== 'enforce') printLine(`limits.mode is ${mode}.\n`);
  if (uses.length === 0) printLine('Nothing is counted at the moment.');
  else printTable(['budget', 'of', 'used', 'limit', 'share', 'begins anew'], uses.map(row));
  if (total > uses.length) printLine(`… and ${total - uses.length} more, further from their limits.`);
  if (locked_logins.length === 0) return;
  printLine();
  printTable(
    ['locked login', 'from', 'for'],
    locked_logins.map(({ account, address, locked_for_seconds }) => {
      // What somebody typed may obey the terminal.
      return [account.replace(/[^\x20-\x7e]/g, '?'), address, formatUptime(locked_for_seconds)];
    }),
  );
}

function row({ budget, rule, kind, who, used, limit, resets_in_seconds }: LimitUse): string[] {
  const reset = resets_in_seconds === null ? 'as they end' : `in ${formatUptime(resets_in_seconds)}`;
  const name = rule === 0 ? budget : `${budget} (rule ${rule})`;
  return [
    name,
    `${kind} ${who}`,
    String(used),
    String(limit),
    `${Math.round((100 * used) / limit)} %`,
    reset,
  ];
}
