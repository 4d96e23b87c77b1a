import net, { isIP } from 'node:net';
import { availableParallelism } from 'node:os';
import { isRepository } from '../../oci/reference.ts';
import { parseSparseIndex, type SparseIndex } from '../../oci/sparse-index.ts';
import { type BudgetType, parseRate, type Rate } from '../budgets.ts';
import { type DailyWindow, formatWindow, parseWindow } from '../daily-window.ts';
import { parseDuration } from '../duration.ts';
import { formatRights, isTemplate, parseRights, type RepositoryRight } from '../repository-rights.ts';
import { parseBytes, parseReserve, type Reserve } from '../reserve.ts';
import { formatPolicies, type RetentionPolicy, readPolicies } from '../retention-policies.ts';
import type { ValueFault } from '../value-fault.ts';

/** One kind of value: how its text is read, and what to say when it cannot be. */
export interface ValueType<Value> {
  expected: string;
  /** @returns undefined when the text is not such a value. */
  parse(text: string): Value | undefined;
  /** A list in YAML is joined by commas first. */
  list?: true;
  /** What the file has there, lists of maps too, comes as JSON. */
  structured?: true;
  /** What is wrong with a text that is no such value, where one fault would not say enough. */
  faults?(text: string): ValueFault[];
  /** As it would be written in the file, where that is not plain from the value. */
  format?(value: Value): string;
}

export type { Rate };

export interface ConfigKey<Value> {
  type: ValueType<Value>;
  /** As it would be written in the file. */
  default: string;
  description: string;
}

/** Bounded above, so that a time plus a duration is always a time. */
export function duration(minimum = '0', maximum = '36500d'): ValueType<number> {
  const least = parseDuration(minimum)!;
  const most = parseDuration(maximum)!;
  return {
    expected: `a duration such as 90s, 15m, 24h or 7d, from ${minimum} to ${maximum}`,
    parse: (text) => {
      const value = parseDuration(text);
      return value !== undefined && value >= least && value <= most ? value : undefined;
    },
  };
}

/** Another registry that trusts our tokens. */
export interface TokenService {
  /** As its challenges name it; audience of its tokens. */
  name: string;
  /** Its repository `app` is `prefix/app` in our grants; '' without a prefix. */
  prefix: string;
}

function parseService(text: string): TokenService | undefined {
  const [, name, prefix = ''] = /^([A-Za-z0-9][A-Za-z0-9._:-]{0,127})(?:=(.+))?$/.exec(text) ?? [];
  return name === undefined || (prefix !== '' && !isRepository(prefix)) ? undefined : { name, prefix };
}

export const tokenServices: ValueType<readonly TokenService[]> = {
  expected: 'names of services, each with a prefix if wanted, such as registry.example.org=mirror',
  list: true,
  parse: (text) => {
    const entries = text.split(',').map((entry) => entry.trim());
    const services = entries.filter((entry) => entry !== '').map(parseService);
    const names = new Set(services.map((service) => service?.name));
    const isFine = names.size === services.length && services.every((service) => service !== undefined);
    return isFine ? Object.freeze(services as TokenService[]) : undefined;
  },
  format: (services) =>
    services.map(({ name, prefix }) => (prefix === '' ? name : `${name}=${prefix}`)).join(','),
};

export function whole(least: number, most: number): ValueType<number> {
  return {
    expected: `a whole number from ${least} to ${most}`,
    parse: (text) => {
      const value = /^[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN;
      return value >= least && value <= most ? value : undefined;
    },
  };
}

export function oneOf<Value extends string>(...values: Value[]): ValueType<Value> {
  return { expected: values.join(' or '), parse: (text) => values.find((value) => value === text) };
}

/** Where to listen. */
export interface Endpoint {
  host: string;
  /** 0: any free one. */
  port: number;
}

export const endpoint: ValueType<Endpoint> = {
  expected: 'an address and a port such as 127.0.0.1:9464 or [::1]:9464',
  parse: (text) => {
    const match = /^(?:\[([0-9a-f:.]+)\]|([0-9.]+)):([0-9]{1,5})$/i.exec(text);
    const host = match?.[1] ?? match?.[2] ?? '';
    const port = Number(match?.[3]);
    const family = match?.[1] === undefined ? 4 : 6;
    return isIP(host) === family && port <= 65535 ? Object.freeze({ host, port }) : undefined;
  },
  format: ({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`,
};

/** `off` is null. */
export function orOff<Value>(type: ValueType<Value>): ValueType<Value | null> {
  return {
    expected: `${type.expected}, or off`,
    parse: (text) => (text === 'off' ? null : type.parse(text)),
    format: (value) => (value === null ? 'off' : (type.format?.(value) ?? String(value))),
  };
}

export function list(expected: string, valid: (entry: string) => boolean): ValueType<readonly string[]> {
  return {
    expected,
    list: true,
    parse: (text) => {
      const entries = text
        .split(',')
        .map((entry) => entry.trim())
        .filter((entry) => entry !== '');
      return entries.every(valid) ? Object.freeze(entries) : undefined;
    },
  };
}

export const path: ValueType<string> = {
  expected: 'a path',
  parse: (text) => (text.includes('\0') ? undefined : text),
};
export const neededPath: ValueType<string> = { ...path, parse: (text) => path.parse(text) || undefined };
/** The form only; what runs it (`gc/`) checks the values. */
export const schedule: ValueType<string> = {
  expected: 'a cron expression of five or six fields such as 0 3 * * *, or off',
  parse: (value) =>
    /^([-0-9A-Za-z*,/#]+ +){4,5}[-0-9A-Za-z*,/#]+$/.test(value) || value === 'off' ? value : undefined,
};
export const timezone: ValueType<string> = {
  expected: 'a time zone such as Europe/Vienna or UTC',
  parse: (text) => (text === '' || isTimezone(text) ? text : undefined),
};
export const dailyWindow: ValueType<DailyWindow | null> = {
  expected: 'two times of day such as 01:00-05:00 or 22:30-04:00',
  parse: parseWindow,
  format: formatWindow,
};
export const policies: ValueType<readonly RetentionPolicy[]> = {
  expected: 'a list of policies, in YAML or JSON',
  structured: true,
  parse: (text) => {
    const { policies: read, faults } = readPolicies(text);
    return faults.length === 0 ? read : undefined;
  },
  faults: (text) => readPolicies(text).faults,
  format: formatPolicies,
};
export const templateGrants: ValueType<readonly RepositoryRight[]> = {
  expected: 'patterns with {user} or {team} and the actions granted, such as {team}/**=pull,push',
  list: true,
  parse: (text) => {
    const rights = text.trim() === '' ? [] : parseRights(text, isTemplate);
    return rights && Object.freeze(rights);
  },
  format: formatRights,
};
export const workerCount: ValueType<number> = {
  expected: 'auto, or a whole number from 1 to 64',
  parse: (text) => {
    if (text !== 'auto') return whole(1, 64).parse(text);
    // Sockets that processes share are there from Node 26.4 on.
    return 'BoundSocket' in net ? workersFor(availableParallelism()) : 1;
  },
};
export const rate: ValueType<Rate> = {
  expected: 'a number of requests per window of 1s to 24h, such as 600/1m',
  parse: parseRate,
};

/** Budgets are written alike as settings and in `limits.overrides`. */
export function budget<Value>({ expected, parse, format }: BudgetType<Value>): ValueType<Value> {
  return { expected, parse, format };
}

export const reserve: ValueType<Reserve> = {
  expected:
    'a size such as 1GiB, a share such as 5%, both separated by a comma (the smaller one counts), or 0',
  list: true,
  parse: parseReserve,
  format: ({ text }) => text,
};

export const size: ValueType<number> = {
  expected: 'a size such as 500MiB or 10GiB, or 0',
  parse: (text) => (text === '0' ? 0 : parseBytes(text)),
  format(bytes) {
    if (bytes === 0) return '0';
    return bytes % 2 ** 20 === 0 ? `${bytes / 2 ** 20}MiB` : `${bytes / 2 ** 10}KiB`;
  },
};

export const sparseIndex: ValueType<SparseIndex> = {
  expected: 'deny, allow, or platforms such as linux/amd64, separated by commas',
  list: true,
  parse: parseSparseIndex,
};

/** Below four cores the collector, the core and the clients of the same machine need the others. */
export function workersFor(cores: number): number {
  return cores < 4 ? 1 : Math.min(64, Math.floor(cores / 2));
}

function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

export function isHostname(name: string): boolean {
  return (
    isIP(name) !== 0 ||
    /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i.test(name)
  );
}

export function isNetwork(entry: string): boolean {
  const [address = '', bits, ...rest] = entry.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return bits === undefined || (/^[0-9]{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

export function key<Value>(type: ValueType<Value>, fallback: string, description: string): ConfigKey<Value> {
  return { type, default: fallback, description };
}
