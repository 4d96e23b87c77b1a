import { version } from '../runtime/version.ts';
import { type Command, parseCall } from './command.ts';
import { describeError, UsageError } from './errors.ts';
import { commandHelp, generalHelp } from './help.ts';
import { printError, surviveClosedPipes } from './output.ts';

/** Every command, loaded when it is asked for: `gatehouse can` needs no certificates and no YAML. */
const commands: Record<string, () => Promise<{ command: Command }>> = {
  up: () => import('./commands/up.ts'),
  gateway: () => import('./commands/gateway.ts'),
  core: () => import('./commands/core.ts'),
  gc: () => import('./commands/gc.ts'),
  user: () => import('./commands/user.ts'),
  team: () => import('./commands/team.ts'),
  robot: () => import('./commands/robot.ts'),
  token: () => import('./commands/token.ts'),
  grant: () => import('./commands/grant.ts'),
  revoke: () => import('./commands/revoke.ts'),
  import: () => import('./commands/import.ts'),
  can: () => import('./commands/can.ts'),
  session: () => import('./commands/session.ts'),
  audit: () => import('./commands/audit.ts'),
  key: () => import('./commands/key.ts'),
  cert: () => import('./commands/cert.ts'),
  trust: () => import('./commands/trust.ts'),
  config: () => import('./commands/config.ts'),
  limits: () => import('./commands/limits.ts'),
  status: () => import('./commands/status.ts'),
  verify: () => import('./commands/verify.ts'),
  selftest: () => import('./commands/selftest.ts'),
};

export const commandNames: readonly string[] = Object.keys(commands);

/**
 * The `gatehouse` command.
 * @param args what follows the program's name.
 * @returns the exit code: 0, 1 (it failed) or 2 (usage, configuration); undefined: a process runs here now.
 */
export async function main(args: readonly string[]): Promise<number | undefined> {
  process.umask(0o077);
  surviveClosedPipes();
  const [name, ...rest] = args;
  try {
    if (name === '--version') return print(version());
    if (name === '--help' || name === '-h') return print(await allHelp());
    if (name === 'help') return print(rest[0] ? commandHelp(await load(rest[0])) : await allHelp());
    if (name === undefined) throw new UsageError('which command?');
    const command = await load(name);
    if (wantsHelp(rest)) return print(commandHelp(command));
    return await command.run(parseCall(command, rest));
  } catch (error) {
    const known = name !== undefined && Object.hasOwn(commands, name) ? name : undefined;
    const { code, text } = describeError(error, known);
    printError(text);
    return code;
  }
}

async function load(name: string): Promise<Command> {
  if (!Object.hasOwn(commands, name)) throw new UsageError(`there is no command ${JSON.stringify(name)}`);
  return (await commands[name]!()).command;
}

async function allHelp(): Promise<string> {
  const loaded = await Promise.all(commandNames.map(load));
  return generalHelp(commandNames.map((name, index) => [name, loaded[index]!.summary]));
}

/** Before anything else is judged, so that `gatehouse user add --help` helps whatever else is missing. */
function wantsHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return args
    .slice(0, end < 0 ? undefined : end)
    .some((argument) => argument === '--help' || argument === '-h');
}

function print(text: string): number {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
  return 0;
}
