import { parse } from 'yaml';

/** What a YAML text says; JSON is YAML. @throws Error with the place of the fault. */
export function parseYaml(text: string): unknown {
  return parse(text, { logLevel: 'error' });
}
