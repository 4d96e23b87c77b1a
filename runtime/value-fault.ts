import { parseYaml } from './yaml.ts';

/** What is wrong within a structured setting. */
export interface ValueFault {
  /** Where, below the setting: `[0].keep_last`; empty: the setting itself. */
  at: string;
  value: string;
  expected: string;
}

/** The entries of a list in YAML or JSON; an empty text is an empty list. What is none is a fault. */
export function listOf(what: string, text: string, faults: ValueFault[]): unknown[] {
  const expected = `a list of ${what}, in YAML or JSON`;
  if (text.trim() === '') return [];
  try {
    const value = parseYaml(text) ?? [];
    if (Array.isArray(value)) return value;
    faults.push({ at: '', value: text, expected });
  } catch (error) {
    const [reason = ''] = (error as Error).message.split('\n');
    faults.push({ at: '', value: reason, expected });
  }
  return [];
}
