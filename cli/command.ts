import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { type ConfigFlagValues, configFlags } from '../runtime/flags.ts';
import { UsageError } from './errors.ts';

export interface CommandOption {
  type: 'boolean' | 'string';
  description: string;
  /** What a string stands for, in the help: `DURATION`. */
  value?: string;
  /** One letter, for a form with one dash. */
  short?: string;
}

/** What was typed after the command's name. */
export interface Call {
  flags: ConfigFlagValues;
  /** Names of the command's own options that were given. */
  given: ReadonlySet<string>;
  /** Values of those that take one. */
  values: ReadonlyMap<string, string>;
  positionals: readonly string[];
}

/** One command: a file in `commands/` exports one. */
export interface Command {
  /** For the list of commands. */
  summary: string;
  /** The forms it takes, without `gatehouse`. */
  usage: readonly string[];
  description: string;
  options?: Readonly<Record<string, CommandOption>>;
  /** Command line and what it does. */
  examples: readonly (readonly [string, string])[];
  /** @returns the exit code; undefined: a process runs here now, which ends by itself. */
  run(call: Call): Promise<number | undefined>;
}

export const jsonOption = { json: { type: 'boolean', description: 'print JSON, for scripts' } } as const;

/** @throws UsageError */
export function parseCall(command: Command, args: readonly string[]): Call {
  refusePassword(args);
  const own = command.options ?? {};
  const options: ParseArgsOptionsConfig = { ...configFlags };
  for (const [name, { type, short }] of Object.entries(own))
    options[name] = short ? { type, short } : { type };
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    return {
      flags: values as ConfigFlagValues,
      given: new Set(Object.keys(own).filter((name) => values[name] !== undefined)),
      values: new Map(Object.entries(values).filter(isText)),
      positionals,
    };
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function isText(entry: [string, unknown]): entry is [string, string] {
  return typeof entry[1] === 'string';
}

/** The arguments under their names. @throws UsageError when there are fewer or more. */
export function namedPositionals<Name extends string>(
  positionals: readonly string[],
  names: readonly Name[],
): Record<Name, string> {
  if (positionals.length !== names.length) {
    // What was typed is not repeated: it may be a password.
    const wanted = names.length === 0 ? 'no argument' : names.join(' ');
    throw new UsageError(`expected ${wanted}, found ${positionals.length} of ${names.length} arguments`);
  }
  return Object.fromEntries(names.map((name, index) => [name, positionals[index]!])) as Record<Name, string>;
}

function refusePassword(args: readonly string[]): void {
  if (!args.some((argument) => argument === '--password' || argument.startsWith('--password='))) return;
  throw new UsageError(
    'a password as an argument would be seen in the list of processes and in the history of the shell; leave it out to be asked for it, or send it to standard input with --password-stdin',
  );
}
