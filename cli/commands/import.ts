import { readFileSync, statSync } from 'node:fs';
import { type ImportLine, type ImportOptions, maxHtpasswdBytes } from '../../gateway/admin.ts';
import { type Call, type Command, jsonOption, namedPositionals } from '../command.ts';
import { CommandError, UsageError } from '../errors.ts';
import { printJson, printLine, printTable } from '../output.ts';
import { withAdmin } from '../with-admin.ts';

export const command: Command = {
  summary: 'take over the users of an htpasswd file',
  usage: ['import htpasswd FILE [--dry-run] [--replace] [--json]'],
  description:
    'Makes the users of an htpasswd file users of Gatehouse, with the passwords that they have: bcrypt, of a cost up\nto 14. Lines with other hashes, and names that cannot be, are refused, with what to do; all others are taken.\nIt can be run again: users who are there already are left alone. Exit code 1: a line was refused.',
  options: {
    'dry-run': { type: 'boolean', description: 'say what would be done, and do nothing' },
    replace: { type: 'boolean', description: 'users who are there already get the password of their line' },
    ...jsonOption,
  },
  examples: [
    ['import htpasswd /etc/registry/htpasswd --dry-run', 'what would become of each line?'],
    ['import htpasswd /etc/registry/htpasswd', 'take its users over'],
  ],
  async run(call) {
    const { FILE } = positionalsOf(call);
    // Before the command becomes the owner of the data directory, who may not be allowed to read it.
    const content = readFile(FILE);
    const options: ImportOptions = { replace: call.given.has('replace'), dryRun: call.given.has('dry-run') };
    const lines = await withAdmin(call, (admin) => admin.importHtpasswd(content, options));
    if (call.given.has('json')) printJson(lines);
    else show(lines, options.dryRun === true);
    return lines.some(({ outcome }) => outcome === 'refused') ? 1 : 0;
  },
};

function positionalsOf(call: Call): { FILE: string } {
  const { KIND, FILE } = namedPositionals(call.positionals, ['KIND', 'FILE']);
  if (KIND !== 'htpasswd') throw new UsageError('what can be imported is: htpasswd FILE');
  return { FILE };
}

function readFile(path: string): Buffer {
  try {
    const found = statSync(path);
    if (!found.isFile()) throw new CommandError(`${path} is no ordinary file`);
    if (found.size > maxHtpasswdBytes) {
      throw new CommandError(`${path} is larger than ${maxHtpasswdBytes} bytes; import it in parts`);
    }
    return readFileSync(path);
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(`${path} cannot be read: ${(error as Error).message}`);
  }
}

function show(lines: readonly ImportLine[], isDryRun: boolean): void {
  printTable(
    ['line', 'user', 'outcome', 'detail'],
    lines.map(({ line, name, outcome, detail }) => [String(line), name ?? '-', outcome, detail]),
  );
  const counts = new Map<string, number>();
  for (const { outcome } of lines) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  const text = [...counts].map(([outcome, count]) => `${count} ${outcome}`).join(', ') || 'no users in it';
  printLine(`\n${text}${isDryRun ? ' (dry run: nothing was done)' : ''}`);
}
