import { existsSync } from 'node:fs';
import { type LoadedConfig, loadConfig } from '../runtime/config.ts';
import { type ConfigFlagValues, flagsFromValues, sourcesFromFlags } from '../runtime/flags.ts';
import { becomeOwner } from './become-owner.ts';
import { CommandError } from './errors.ts';

/** Configuration as flags, environment and file give it. @throws ConfigError with every fault. */
export function loadSettings(flags: ConfigFlagValues): LoadedConfig {
  return loadConfig(sourcesFromFlags(flags, process.env));
}

/**
 * The same for a command on a data directory that has to be there; from here on as its owner.
 * @throws CommandError when it is not.
 */
export function loadExisting(flags: ConfigFlagValues): LoadedConfig {
  const loaded = loadSettings(flags);
  const { data } = loaded.config;
  if (!existsSync(data)) {
    throw new CommandError(
      `there is no data directory ${data}; name it with --data, or make it with: gatehouse up`,
    );
  }
  becomeOwner(data);
  return loaded;
}

/** Flags for a process, with the paths made absolute that were found from our working directory. */
export function processFlags(loaded: LoadedConfig, flags: ConfigFlagValues): string[] {
  return flagsFromValues({ ...flags, data: loaded.config.data, config: loaded.file });
}

/** Settings for one of the processes that runs here alone, as the owner of the data directory. */
export function loadAlone(flags: ConfigFlagValues): LoadedConfig {
  const loaded = loadSettings(flags);
  becomeOwner(loaded.config.data);
  return loaded;
}
