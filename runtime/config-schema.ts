import { isIP } from 'node:net';
import { parseSparseIndex, type SparseIndex } from '../oci/sparse-index.ts';
import { type DailyWindow, formatWindow, parseWindow } from './daily-window.ts';
import { parseDuration } from './duration.ts';
import type { ValueFault } from './policy-fields.ts';
import { parseReserve, type Reserve } from './reserve.ts';
import { formatPolicies, type RetentionPolicy, readPolicies } from './retention-policies.ts';

export { parseDuration };

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

export interface ConfigKey<Value> {
  type: ValueType<Value>;
  /** As it would be written in the file. */
  default: string;
  description: string;
}

export interface Rate {
  points: number;
  windowMs: number;
}

function parseRate(text: string): Rate | undefined {
  const match = /^([1-9][0-9]{0,8})\/(.+)$/.exec(text);
  const windowMs = match ? parseDuration(match[2]!) : undefined;
  if (!windowMs || windowMs < 1000 || windowMs > parseDuration('24h')!) return undefined;
  return Object.freeze({ points: Number(match![1]), windowMs });
}

/** Bounded above, so that a time plus a duration is always a time. */
function duration(minimum = '0', maximum = '36500d'): ValueType<number> {
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

function whole(least: number, most: number): ValueType<number> {
  return {
    expected: `a whole number from ${least} to ${most}`,
    parse: (text) => {
      const value = /^[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN;
      return value >= least && value <= most ? value : undefined;
    },
  };
}

function oneOf<Value extends string>(...values: Value[]): ValueType<Value> {
  return { expected: values.join(' or '), parse: (text) => values.find((value) => value === text) };
}

function list(expected: string, valid: (entry: string) => boolean): ValueType<readonly string[]> {
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

const path: ValueType<string> = {
  expected: 'a path',
  parse: (text) => (text.includes('\0') ? undefined : text),
};
const neededPath: ValueType<string> = { ...path, parse: (text) => path.parse(text) || undefined };
/** The form only; what runs it (`gc/`) checks the values. */
const schedule: ValueType<string> = {
  expected: 'a cron expression of five or six fields such as 0 3 * * *, or off',
  parse: (value) =>
    /^([-0-9A-Za-z*,/#]+ +){4,5}[-0-9A-Za-z*,/#]+$/.test(value) || value === 'off' ? value : undefined,
};
const timezone: ValueType<string> = {
  expected: 'a time zone such as Europe/Vienna or UTC',
  parse: (text) => (text === '' || isTimezone(text) ? text : undefined),
};
const dailyWindow: ValueType<DailyWindow | null> = {
  expected: 'two times of day such as 01:00-05:00 or 22:30-04:00',
  parse: parseWindow,
  format: formatWindow,
};
const policies: ValueType<readonly RetentionPolicy[]> = {
  expected: 'a list of policies, in YAML or JSON',
  structured: true,
  parse: (text) => {
    const { policies: read, faults } = readPolicies(text);
    return faults.length === 0 ? read : undefined;
  },
  faults: (text) => readPolicies(text).faults,
  format: formatPolicies,
};
const rate: ValueType<Rate> = {
  expected: 'a number of requests per window of 1s to 24h, such as 600/1m',
  parse: parseRate,
};

const reserve: ValueType<Reserve> = {
  expected:
    'a size such as 1GiB, a share such as 5%, both separated by a comma (the smaller one counts), or 0',
  list: true,
  parse: parseReserve,
  format: ({ text }) => text,
};

const sparseIndex: ValueType<SparseIndex> = {
  expected: 'deny, allow, or platforms such as linux/amd64, separated by commas',
  list: true,
  parse: parseSparseIndex,
};

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

function isNetwork(entry: string): boolean {
  const [address = '', bits, ...rest] = entry.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return bits === undefined || (/^[0-9]{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

function key<Value>(type: ValueType<Value>, fallback: string, description: string): ConfigKey<Value> {
  return { type, default: fallback, description };
}

/** Every setting there is. `docs/configuration.md` is tested against this table. Durations are milliseconds. */
export const configSchema = {
  data: key(
    neededPath,
    './data',
    'Data directory: databases, certificates, run-time sockets and, by default, the blobs.',
  ),
  port: key(
    whole(0, 65535),
    '443',
    'Port of the gateway. Not given and not allowed to bind 443: 8443. 0: any free port.',
  ),
  hostname: key(
    list('host names or addresses, separated by commas', isHostname),
    '',
    'Names and addresses that clients use, besides those of the machine itself. They go into the made certificate; a request for any other host is answered 421.',
  ),
  listen: key(
    list('addresses, separated by commas', (entry) => isIP(entry) !== 0),
    '',
    'Addresses to listen on. Empty: all.',
  ),
  'tls.mode': key(
    oneOf('own', 'files', 'off'),
    'own',
    '`own`: certificate by the own certificate authority. `files`: the pair in `tls.certificate` and `tls.key`. `off`: plain HTTP, for use behind a proxy that ends TLS.',
  ),
  'tls.certificate': key(path, '', 'PEM file with the server certificate and its chain (`tls.mode: files`).'),
  'tls.key': key(path, '', 'PEM file with the private key (`tls.mode: files`).'),
  'http.port': key(whole(0, 65535), '0', 'Port for plain HTTP that redirects to HTTPS, usually 80. 0: none.'),
  'proxy.trusted': key(
    list('addresses or networks such as 10.0.0.0/8, separated by commas', isNetwork),
    '',
    'Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed. Anybody else’s are ignored.',
  ),
  'auth.challenge': key(
    oneOf('bearer', 'basic'),
    'bearer',
    'Challenge of a 401. Basic credentials are accepted with either.',
  ),
  'auth.token_lifetime': key(
    duration('60s'),
    '1h',
    'Life of a Bearer token. Rights are checked at each request all the same.',
  ),
  'auth.bcrypt_cost': key(whole(8, 14), '12', 'Cost of the password hashes.'),
  'auth.own_namespace': key(
    oneOf('on', 'off'),
    'on',
    'Whether every user may pull, push and delete in `<user>/**`.',
  ),
  'limits.address_requests': key(rate, '60000/1m', 'Requests of one address (IPv6: one /64).'),
  'limits.account_requests': key(rate, '60000/1m', 'Requests of one account.'),
  'limits.failed_logins': key(rate, '10/1m', 'Failed logins of one account from one address.'),
  'limits.address_failed_logins': key(
    rate,
    '100/1m',
    'Failed logins from one address, whatever the account.',
  ),
  'storage.root': key(
    path,
    '',
    'Directory of `blobs/` and `uploads/`, all of it one file system. Empty: the data directory.',
  ),
  'storage.reserve': key(
    reserve,
    '1GiB,5%',
    'Free space to keep on the disks of `storage.root` and `data`: below it new uploads are refused, and trash and expired uploads are removed at once. 0: none.',
  ),
  'uploads.expiry': key(
    duration(),
    '0',
    'An upload session that was left alone for this long is removed. 0: as `gc.lease`.',
  ),
  'uploads.min_chunk_bytes': key(
    whole(0, 1_073_741_824),
    '0',
    'Least length of a chunk that clients are asked for, in `OCI-Chunk-Min-Length`. A smaller one is taken all the same. 0: they are asked for nothing.',
  ),
  'manifests.sparse_index': key(
    sparseIndex,
    'deny',
    'Whether an index may list manifests that its repository does not have. `deny`: none. `allow`: any. A list of platforms: any but those of these platforms, or of none.',
  ),
  'gc.schedule': key(
    schedule,
    '0 3 * * *',
    'When the collector runs: a cron expression in the time of `gc.timezone`, or `off`.',
  ),
  'gc.timezone': key(timezone, '', 'Time zone of `gc.schedule` and `gc.window`. Empty: local time.'),
  'gc.jitter': key(
    // Node's timers reach 24 days; a delay of a day is the next day's run.
    duration('0', '24h'),
    '0',
    'A scheduled run starts later than its time, by a random part of this.',
  ),
  'gc.window': key(
    dailyWindow,
    '',
    'The only part of a day in which scheduled runs work: none starts outside, and at its end one stops and is gone on with by the next. Empty: the whole day.',
  ),
  'gc.lease': key(
    duration('2s'),
    '24h',
    'How long content is kept after a client was told that it exists, whether or not anything refers to it. Half of it is what a client is promised.',
  ),
  'gc.trash': key(
    duration(),
    '0',
    'How long what a run removed stays in the trash, from where `gatehouse gc undo` brings it back; 24h is a good value where the disk allows. 0: it is gone at once.',
  ),
  'gc.grace': key(duration(), '0', 'Extra rest before unreferenced content is removed.'),
  'gc.untagged': key(duration(), '7d', 'How long a manifest without tag, index or subject is kept.'),
  'gc.policies': key(
    policies,
    '',
    'What is kept in which repositories: a list of policies, see [garbage-collection.md](garbage-collection.md#policies). Empty: no tag is ever removed.',
  ),
  'events.retention': key(duration('1h'), '30d', 'How long rows of the event journal are kept.'),
  'log.level': key(
    oneOf('debug', 'info', 'warn', 'error'),
    'info',
    'Least level that is logged. Log lines are JSON on standard error.',
  ),
  'shutdown.drain': key(
    // Node's timers reach 24 days.
    duration('0', '24h'),
    '25s',
    'How long requests under way may take to finish when a process stops.',
  ),
} as const;

export type ConfigName = keyof typeof configSchema;

/** The settings, typed and frozen, by their dotted name. Durations are milliseconds, paths absolute. */
export type Config = Readonly<{
  [Name in ConfigName]: (typeof configSchema)[Name] extends ConfigKey<infer Value> ? Value : never;
}>;

export function environmentName(name: string): string {
  return `GATEHOUSE_${name.toUpperCase().replaceAll('.', '_')}`;
}
