import { spawnSync } from 'node:child_process';
import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { BIN } from '../../registry.ts';

/** What every user gets, and what a figure without it would be worth nothing. */
const wanted: Record<string, RegExp> = {
  'limits.mode': /^enforce$/,
  'limits.account_pulls': /^\d+\//,
  'limits.account_requests': /^\d+\//,
  'limits.address_requests': /^\d+\//,
  'limits.account_uploads': /^\d+$/,
  'limits.address_connections': /^\d+$/,
  'audit.trail': /^on$/,
  'tls.mode': /^own$/,
  'log.access': /^json$/,
  'log.level': /^info$/,
};

/** File systems in memory (statfs(2)): waiting for the disk is free there. */
const inMemory: Record<number, string> = { 16914836: 'tmpfs', 2240043254: 'ramfs' };

/** @throws Error where limits, audit or waiting for the disk would be off. */
export function demandProduction(data: string, environment: NodeJS.ProcessEnv): void {
  const faults = [...settingFaults(data, environment), ...diskFaults(dirname(data))];
  if (faults.length > 0) throw new Error(`this would not be what a user runs: ${faults.join('; ')}`);
}

function settingFaults(data: string, environment: NodeJS.ProcessEnv): string[] {
  const shown = spawnSync(process.execPath, [BIN, 'config', 'show', '--json', '--data', data], {
    env: { ...process.env, ...environment },
    encoding: 'utf8',
  });
  if (shown.status !== 0) return [shown.stderr.trim()];
  const { settings } = JSON.parse(shown.stdout) as { settings: Record<string, { value: string }> };
  return Object.entries(wanted)
    .filter(([name, pattern]) => !pattern.test(String(settings[name]?.value)))
    .map(([name]) => `${name} is ${settings[name]?.value}`);
}

function diskFaults(directory: string): string[] {
  const { type } = statfsSync(directory);
  const memory = inMemory[type];
  return [
    ...(memory ? [`${directory} is on ${memory}, where fsync does nothing (set TMPDIR)`] : []),
    // eatmydata and the like.
    ...(process.env['LD_PRELOAD'] ? ['LD_PRELOAD is set, which can turn fsync off'] : []),
    ...(process.env['NODE_OPTIONS'] ? ['NODE_OPTIONS is set'] : []),
  ];
}
