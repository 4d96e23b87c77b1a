import { auditSettings } from './settings/audit.ts';
import { authSettings } from './settings/auth.ts';
import { collectionSettings } from './settings/collection.ts';
import { limitsSettings } from './settings/limits.ts';
import { observeSettings } from './settings/observe.ts';
import { processSettings } from './settings/process.ts';
import { serverSettings } from './settings/server.ts';
import { storageSettings } from './settings/storage.ts';
import { timeoutsSettings } from './settings/timeouts.ts';
import { tlsSettings } from './settings/tls.ts';
import type { ConfigKey } from './settings/values.ts';

export { parseDuration } from './duration.ts';
export {
  type ConfigKey,
  isHostname,
  type Rate,
  type TokenService,
  type ValueType,
} from './settings/values.ts';

/** Every setting there is. `docs/configuration.md` is tested against this table. Durations are milliseconds. */
export const configSchema = {
  ...serverSettings,
  ...tlsSettings,
  ...authSettings,
  ...limitsSettings,
  ...timeoutsSettings,
  ...storageSettings,
  ...collectionSettings,
  ...auditSettings,
  ...observeSettings,
  ...processSettings,
} as const;

export type ConfigName = keyof typeof configSchema;

/** The settings, typed and frozen, by their dotted name. Durations are milliseconds, paths absolute. */
export type Config = Readonly<{
  [Name in ConfigName]: (typeof configSchema)[Name] extends ConfigKey<infer Value> ? Value : never;
}>;

export function environmentName(name: string): string {
  return `GATEHOUSE_${name.toUpperCase().replaceAll('.', '_')}`;
}
