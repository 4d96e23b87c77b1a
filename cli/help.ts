import type { Command, CommandOption } from './command.ts';

const globalOptions: readonly (readonly [string, string])[] = [
  ['--data DIR', 'data directory (GATEHOUSE_DATA; default ./data)'],
  ['--port N', 'port of the gateway (GATEHOUSE_PORT; default 443)'],
  ['--hostname NAME', 'a name that clients use; may be repeated (GATEHOUSE_HOSTNAME)'],
  ['--config FILE', 'configuration file (GATEHOUSE_CONFIG; default gatehouse.yml, when it is there)'],
  ['--help', 'this text'],
];

/** The text of `gatehouse COMMAND --help`. */
export function commandHelp(command: Command): string {
  const own = Object.entries(command.options ?? {}).map(
    ([name, option]) => [optionForm(name, option), option.description] as const,
  );
  return [
    ...command.usage.map((form, index) => `${index === 0 ? 'Usage:' : '      '} gatehouse ${form}`),
    '',
    command.description,
    '',
    'Options:',
    ...columns([...own, ...globalOptions]),
    '',
    'Examples:',
    ...columns(command.examples.map(([line, meaning]) => [`gatehouse ${line}`, meaning])),
    '',
  ].join('\n');
}

function optionForm(name: string, { short, value }: CommandOption): string {
  return `${short ? `-${short}, ` : ''}--${name}${value ? ` ${value}` : ''}`;
}

/** The text of `gatehouse --help`. */
export function generalHelp(summaries: readonly (readonly [string, string])[]): string {
  return [
    'Usage: gatehouse COMMAND [options]',
    '',
    'A private container registry with a front door.',
    '',
    'Commands:',
    ...columns(summaries),
    '',
    'Options of every command:',
    ...columns(globalOptions),
    '  gatehouse --version prints the version.',
    '',
    'Examples:',
    ...columns([
      ['gatehouse up --data /srv/gatehouse', 'start the registry'],
      ['gatehouse user add alice', 'add a user; asks for the password'],
      ["gatehouse grant alice 'team/**' pull,push", 'give rights'],
    ]),
    '',
  ].join('\n');
}

/** Two columns; a first entry that is too long for its column stands on a line of its own. */
function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.min(Math.max(...rows.map(([first]) => first.length)), 44);
  return rows.flatMap(([first, second]) =>
    first.length > width
      ? [`  ${first}`, `  ${' '.repeat(width)}  ${second}`]
      : [`  ${first.padEnd(width)}  ${second}`],
  );
}
