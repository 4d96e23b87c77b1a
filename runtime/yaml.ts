import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** What a YAML text says; JSON is YAML. @throws Error with the place of the fault. */
export function parseYaml(text: string): unknown {
  if (text.trim() === '') return null;
  // Seventy files, loaded with the first text: most commands have none to read.
  const { parse } = require('yaml') as typeof import('yaml');
  return parse(text, { logLevel: 'error' });
}
