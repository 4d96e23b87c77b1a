import type { IssuedSecret } from '../gateway/admin.ts';
import { parseDuration } from '../runtime/duration.ts';
import { formatRights, parseRights, type RepositoryRight } from '../runtime/repository-rights.ts';
import type { Call } from './command.ts';
import { UsageError } from './errors.ts';
import { printJson, printLine } from './output.ts';

/** What `--rights` and `--expires` mean, in the help. */
export const secretOptions = {
  rights: { type: 'string', value: 'RIGHTS', description: "'PATTERN=ACTIONS …', actions for all, or: all" },
  expires: { type: 'string', value: 'DURATION', description: 'such as 90d, or: never' },
} as const;

/** @returns undefined for `all`: no limit. @throws UsageError */
export function parseLimit(text: string): RepositoryRight[] | undefined {
  if (text === 'all') return undefined;
  const rights = parseRights(text);
  if (rights) return rights;
  throw new UsageError(
    `${JSON.stringify(text)} are no rights; examples: 'team-a/**=pull,push', 'team-a/**=pull */base=pull', pull, all`,
  );
}

/** @returns milliseconds since 1970; null: never. @throws UsageError */
export function parseExpiry(text: string): number | null {
  if (text === 'never') return null;
  const duration = parseDuration(text);
  if (duration !== undefined && duration > 0 && duration <= parseDuration('36500d')!)
    return Date.now() + duration;
  throw new UsageError(`${JSON.stringify(text)} is no duration; examples: 90d, 12h, never`);
}

/** The secret alone on standard output, for a pipe or a file; what to do with it on standard error. */
export function printSecret(call: Call, what: string, issued: IssuedSecret): void {
  if (call.given.has('json')) return printJson(issued);
  printLine(issued.secret);
  const end = issued.expiresAt === null ? 'without an end' : `until ${issued.expiresAt}`;
  process.stderr.write(
    `${what}, id ${issued.id}, ${end}. It is not shown again. To log in with it:\n` +
      `  docker login -u ${issued.user} --password-stdin HOST\n`,
  );
}

export function limitText(rights: readonly RepositoryRight[] | null): string {
  return rights === null ? '-' : formatRights(rights);
}

/** For tables: `-` where there is nothing. */
export function orDash(text: string | null): string {
  return text || '-';
}

/** `never`, a time, or that it is over. */
export function endText(expiresAt: string | null): string {
  if (expiresAt === null) return 'never';
  return Date.parse(expiresAt) <= Date.now() ? 'over' : expiresAt;
}
