import { readFileSync } from 'node:fs';
import type { ConfigFault } from './config.ts';
import { type ConfigName, configSchema, type ValueType } from './config-schema.ts';
import { parseYaml } from './yaml.ts';

export type Setting = readonly [ConfigName, string];

const names = Object.keys(configSchema);

/** The settings of a `gatehouse.yml` as text, by their dotted names; what is wrong with it goes to `faults`. */
export function readConfigFile(path: string, faults: ConfigFault[]): Setting[] {
  let document: unknown;
  try {
    document = parseYaml(readFileSync(path, 'utf8'));
  } catch (error) {
    const [reason = ''] = (error as Error).message.split('\n');
    faults.push({ key: path, value: reason, expected: 'a readable YAML file' });
    return [];
  }
  return settingsBelow('', document, path, faults);
}

function settingsBelow(name: string, value: unknown, path: string, faults: ConfigFault[]): Setting[] {
  const refuse = (expected: string): Setting[] => {
    faults.push({ key: name || path, value: valueText(value) ?? '…', expected });
    return [];
  };
  if (Object.hasOwn(configSchema, name)) return setting(name as ConfigName, value, refuse);
  if (name !== '' && !names.some((known) => known.startsWith(`${name}.`))) return refuse('a known key');
  // An empty file, or a group whose settings are all commented out.
  if (value === null || value === undefined) return [];
  if (typeof value !== 'object' || Array.isArray(value)) return refuse('a map of settings');
  return Object.entries(value).flatMap(([key, inner]) =>
    settingsBelow(name ? `${name}.${key}` : key, inner, path, faults),
  );
}

function setting(name: ConfigName, value: unknown, refuse: (expected: string) => Setting[]): Setting[] {
  const type: ValueType<unknown> = configSchema[name].type;
  if (type.structured && typeof value === 'object' && value !== null) return [[name, JSON.stringify(value)]];
  const text = type.list && Array.isArray(value) ? listText(value) : valueText(value);
  return text === undefined ? refuse(type.expected) : [[name, text]];
}

function listText(entries: readonly unknown[]): string | undefined {
  const texts = entries.map(valueText);
  return texts.includes(undefined) ? undefined : texts.join(',');
}

/** @returns undefined for a list or a map. */
function valueText(value: unknown): string | undefined {
  if (value === false) return 'off';
  if (value === true) return 'on';
  return typeof value === 'object' && value !== null ? undefined : String(value ?? '');
}
