import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { crossFaults } from './config-cross-faults.ts';
import { readConfigFile } from './config-file.ts';
import {
  type Config,
  type ConfigName,
  configSchema,
  environmentName,
  type ValueType,
} from './config-schema.ts';

export interface ConfigFault {
  /** The dotted key, the environment variable, or the file. */
  key: string;
  value: string;
  expected: string;
}

/** All faults of a configuration together. */
export class ConfigError extends Error {
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    const lines = faults.map(
      ({ key, value, expected }) => `  ${key}: ${JSON.stringify(value)} — expected ${expected}`,
    );
    super(
      `the configuration has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n${lines.join('\n')}`,
    );
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

export interface ConfigSources {
  /** `--config`; default `gatehouse.yml` in the working directory, when it is there. */
  file?: string | undefined;
  environment: NodeJS.ProcessEnv;
  /** Settings from the command line; they win over environment and file. */
  flags?: Partial<Record<ConfigName, string>>;
}

export interface LoadedConfig {
  config: Config;
  /** Names that somebody set, as against defaults. */
  given: ReadonlySet<ConfigName>;
  file: string | undefined;
}

const names = Object.keys(configSchema) as ConfigName[];
const portNames: ConfigName[] = ['port', 'http.port'];
const pathNames: ConfigName[] = [
  'data',
  'tls.certificate',
  'tls.key',
  'tls.client_ca',
  'tls.client_crl',
  'auth.htpasswd_file',
  'tls.acme.ca',
  'storage.root',
  'log.access_file',
];

/**
 * Reads the configuration once: command line over environment over file over defaults.
 * @throws ConfigError with every fault at once.
 */
export function loadConfig({ file, environment, flags = {} }: ConfigSources): LoadedConfig {
  const faults: ConfigFault[] = [];
  const path = configFile(file, environment);
  const texts = new Map<ConfigName, { key: string; value: string }>();
  if (path) for (const [name, value] of readConfigFile(path, faults)) texts.set(name, { key: name, value });
  for (const [name, value] of fromEnvironment(environment))
    texts.set(name, { key: environmentName(name), value });
  for (const name of names) {
    const value = flags[name];
    if (value !== undefined) texts.set(name, { key: `--${name}`, value });
  }
  const values: Record<string, unknown> = {};
  for (const name of names) {
    const { key, value } = texts.get(name) ?? { key: name, value: configSchema[name].default };
    const type: ValueType<unknown> = configSchema[name].type;
    const parsed = type.parse(value);
    if (parsed === undefined) {
      const found = type.faults?.(value) ?? [{ at: '', value, expected: type.expected }];
      faults.push(...found.map(({ at, ...fault }) => ({ key: `${key}${at}`, ...fault })));
    }
    values[name] = parsed;
  }
  faults.push(...crossFaults(values as Config));
  if (faults.length > 0) throw new ConfigError(faults);
  return { config: settle(values as Config), given: new Set(texts.keys()), file: path };
}

function configFile(file: string | undefined, environment: NodeJS.ProcessEnv): string | undefined {
  const named = file ?? environment['GATEHOUSE_CONFIG'];
  if (named) return resolve(named);
  return existsSync('gatehouse.yml') ? resolve('gatehouse.yml') : undefined;
}

function fromEnvironment(environment: NodeJS.ProcessEnv): [ConfigName, string][] {
  return names.flatMap((name): [ConfigName, string][] => {
    const value = environment[environmentName(name)];
    // Kubernetes sets GATEHOUSE_PORT=tcp://… in every pod beside a service named "gatehouse" (or "gatehouse-http").
    if (value === undefined || (portNames.includes(name) && value.startsWith('tcp://'))) return [];
    return [[name, value]];
  });
}

function settle(values: Config): Config {
  const settled: Record<string, unknown> = { ...values };
  for (const name of pathNames) {
    const value = values[name] as string;
    settled[name] = value === '' ? '' : resolve(value);
  }
  const lines = values['audit.json_lines'];
  settled['audit.json_lines'] = lines === '' || lines === 'log' ? lines : resolve(lines);
  settled['storage.root'] ||= settled['data'];
  settled['uploads.expiry'] ||= values['gc.lease'];
  settled['tls.pairs'] = Object.freeze(
    values['tls.pairs'].map(({ certificate, key }) => ({
      certificate: resolve(certificate),
      key: resolve(key),
    })),
  );
  settled['hostname'] = Object.freeze(values.hostname.map((entry) => entry.toLowerCase()));
  return Object.freeze(settled) as Config;
}

/** Places under the data directory that more than one process needs. */
export function dataPaths(config: Config) {
  const { data } = config;
  const run = join(data, 'run');
  return {
    usersDatabase: join(data, 'users.db'),
    auditDatabase: join(data, 'audit.db'),
    auditSpool: join(data, 'audit-spool'),
    registryDatabase: join(data, 'registry.db'),
    certificates: join(data, 'certs'),
    acmeCertificates: join(data, 'certs', 'acme'),
    initialPassword: join(data, 'initial-admin-password'),
    htpasswdCopy: join(data, 'htpasswd.last-good'),
    run,
    acmeChallenges: join(run, 'acme'),
    coreMessagesSocket: join(run, 'core-messages.sock'),
    coreSocket: join(run, 'core.sock'),
    gatewaySocket: join(run, 'gateway.sock'),
    collectorSocket: join(run, 'gc.sock'),
    ballast: join(run, 'ballast'),
    lock: join(run, 'lock.db'),
    coreLock: join(run, 'core-lock.db'),
    collectorLock: join(run, 'gc-lock.db'),
  };
}
