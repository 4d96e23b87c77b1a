import type { ConfigSources } from './config.ts';

/** Flags that every process and command takes, for `parseArgs` of node:util. */
export const configFlags = {
  data: { type: 'string' },
  port: { type: 'string' },
  hostname: { type: 'string', multiple: true },
  config: { type: 'string' },
} as const;

export interface ConfigFlagValues {
  data?: string | undefined;
  port?: string | undefined;
  hostname?: string[] | undefined;
  config?: string | undefined;
}

export function sourcesFromFlags(values: ConfigFlagValues, environment: NodeJS.ProcessEnv): ConfigSources {
  const flags: NonNullable<ConfigSources['flags']> = {};
  if (values.data !== undefined) flags.data = values.data;
  if (values.port !== undefined) flags.port = values.port;
  if (values.hostname) flags.hostname = values.hostname.join(',');
  return { file: values.config, environment, flags };
}

/** The same choices as arguments for a child process. */
export function flagsFromValues(values: ConfigFlagValues): string[] {
  const { data, port, hostname = [], config } = values;
  return [
    ...(data === undefined ? [] : ['--data', data]),
    ...(port === undefined ? [] : ['--port', port]),
    ...hostname.flatMap((name) => ['--hostname', name]),
    ...(config === undefined ? [] : ['--config', config]),
  ];
}
