import type { LoadedConfig } from '../runtime/config.ts';
import { type ConfigName, configSchema, type Rate, type ValueType } from '../runtime/config-schema.ts';
import { formatDuration } from './format.ts';

/** A value as it would be written in the file. */
export function settingText({ config }: Pick<LoadedConfig, 'config'>, name: ConfigName): string {
  const value: unknown = config[name];
  const type: ValueType<unknown> = configSchema[name].type;
  if (type.format) return type.format(value);
  if (Array.isArray(value)) return value.join(', ');
  if (typeof value === 'number' && isDuration(name, value)) return formatDuration(value);
  if (typeof value === 'object') {
    const { points, windowMs } = value as Rate;
    return `${points}/${formatDuration(windowMs)}`;
  }
  return String(value);
}

function isDuration(name: ConfigName, value: number): boolean {
  return configSchema[name].type.parse(formatDuration(value)) === value;
}
