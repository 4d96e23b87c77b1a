import type { ValueFault } from '../value-fault.ts';
import { parseYaml } from '../yaml.ts';
import type { ValueType } from './values.ts';

/** A brought certificate with its key. */
export interface TlsPairPaths {
  certificate: string;
  key: string;
}

const expectedPairs = 'a list of maps with certificate and key, both paths, in YAML or JSON';

function readPairs(text: string): { pairs: readonly TlsPairPaths[]; faults: ValueFault[] } {
  const faults: ValueFault[] = [];
  const entries = entriesOf(text);
  if (!entries) return { pairs: [], faults: [{ at: '', value: text, expected: expectedPairs }] };
  const pairs = entries.map((entry, index) => {
    if (isPair(entry)) return Object.freeze({ certificate: entry.certificate, key: entry.key });
    const expected = 'a map with certificate and key, both paths, and nothing else';
    faults.push({ at: `[${index}]`, value: JSON.stringify(entry) ?? '', expected });
    return { certificate: '', key: '' };
  });
  return { pairs: Object.freeze(pairs), faults };
}

function entriesOf(text: string): unknown[] | undefined {
  try {
    const value = parseYaml(text) ?? [];
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isPair(entry: unknown): entry is TlsPairPaths {
  if (typeof entry !== 'object' || entry === null) return false;
  const { certificate, key, ...rest } = entry as Record<string, unknown>;
  const isPath = (value: unknown) => typeof value === 'string' && /^[^\0]+$/.test(value);
  return isPath(certificate) && isPath(key) && Object.keys(rest).length === 0;
}

export const tlsPairs: ValueType<readonly TlsPairPaths[]> = {
  expected: expectedPairs,
  structured: true,
  parse: (text) => {
    const { pairs, faults } = readPairs(text);
    return faults.length === 0 ? pairs : undefined;
  },
  faults: (text) => readPairs(text).faults,
  format: (pairs) => JSON.stringify(pairs),
};

/** Where a client certificate names its user. */
export interface ClientUser {
  field: 'cn' | 'email' | 'dns' | 'uri';
  before: string;
  after: string;
}

export const clientUser: ValueType<ClientUser> = {
  expected: 'cn:, email:, dns: or uri: and a text with {user} in it once, such as email:{user}@example.com',
  parse: (text) => {
    const match = /^(cn|email|dns|uri):([^{}]*)\{user\}([^{}]*)$/.exec(text);
    if (!match) return undefined;
    return Object.freeze({ field: match[1] as ClientUser['field'], before: match[2]!, after: match[3]! });
  },
  format: ({ field, before, after }) => `${field}:${before}{user}${after}`,
};

export const webAddress: ValueType<string> = {
  expected: 'an https:// URL',
  parse: (text) => (URL.canParse(text) && new URL(text).protocol === 'https:' ? text : undefined),
};
