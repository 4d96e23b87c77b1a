import { ConfigError } from '../../runtime/config.ts';
import { type ConfigName, configSchema, type ValueType } from '../../runtime/config-schema.ts';
import { type Call, type Command, jsonOption, namedPositionals } from '../command.ts';
import { UsageError } from '../errors.ts';
import { printJson, printLine } from '../output.ts';
import { settingText } from '../setting-text.ts';
import { loadSettings } from '../settings.ts';

export const command: Command = {
  summary: 'check or show the configuration',
  usage: ['config check [--json]', 'config show [--json]'],
  description:
    'check reads file and environment and names every fault at once (exit code 2). show prints all settings as they\nare in force, in the form of a gatehouse.yml.',
  options: jsonOption,
  examples: [
    ['config check --config /etc/gatehouse.yml', 'is this file good?'],
    ['config show', 'what is in force here?'],
  ],
  async run(call) {
    const [verb, ...rest] = call.positionals;
    namedPositionals(rest, []);
    if (verb === 'check') return check(call);
    if (verb === 'show') return show(call);
    throw new UsageError('expected check or show');
  },
};

function check({ flags, given }: Call): number {
  try {
    const { file } = loadSettings(flags);
    if (given.has('json')) printJson({ ok: true, file: file ?? null, faults: [] });
    else printLine(`the configuration is good (${file ?? 'no file; environment and defaults'})`);
    return 0;
  } catch (error) {
    if (!given.has('json') || !(error instanceof ConfigError)) throw error;
    printJson({ ok: false, faults: error.faults });
    return 2;
  }
}

function show({ flags, given }: Call): number {
  const loaded = loadSettings(flags);
  const names = Object.keys(configSchema) as ConfigName[];
  if (given.has('json')) {
    const settings = names.map((name) => [
      name,
      { value: settingText(loaded, name), given: loaded.given.has(name) },
    ]);
    printJson({ file: loaded.file ?? null, settings: Object.fromEntries(settings) });
    return 0;
  }
  printLine(`# ${loaded.file ?? 'no file; environment and defaults'}`);
  for (const name of names) {
    const isDefault = loaded.given.has(name) ? '' : '  # default';
    const { structured }: ValueType<unknown> = configSchema[name].type;
    const text = settingText(loaded, name);
    // JSON is YAML.
    printLine(`${name}: ${structured ? text : yamlText(text)}${isDefault}`);
  }
  return 0;
}

/** JSON strings are YAML; only what cannot be mistaken goes without quotes. */
function yamlText(text: string): string {
  return /^(?!on$|off$)[a-z0-9/][\w./-]*$/i.test(text) ? text : JSON.stringify(text);
}
