import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import { dataPaths } from '../../runtime/config.ts';
import type { Config } from '../../runtime/config-schema.ts';
import { callControl } from '../../runtime/control.ts';
import type { FaultPoint } from '../../runtime/fault-points.ts';
import { entryPath } from '../../supervisor/entries.ts';
import { collectOutput, endProcess, start } from '../support/processes.ts';
import { onEnd, type Scope } from '../support/scope.ts';

/** One of the mains, which kills itself at a fault point. */
export function startDoomed(
  scope: Scope,
  name: 'core' | 'gc',
  data: string,
  fault: string,
  env: Record<string, string> = {},
) {
  const settings = {
    GATEHOUSE_FAULT: fault,
    GATEHOUSE_GC_SCHEDULE: 'off',
    NODE_COMPILE_CACHE: join(data, 'cache'),
  };
  const child = start(process.execPath, [entryPath(name), '--data', data], {
    env: { ...process.env, ...settings, ...env },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  onEnd(scope, () => endProcess(child, { signal: 'SIGKILL' }));
  const output = collectOutput(child);
  const death = once(child, 'exit').then(([code, signal]) => {
    assert.deepEqual([code, signal], [null, 'SIGKILL'], output.stderr());
  });
  death.catch(() => {});
  const isReady = (): Promise<boolean> =>
    Promise.race([once(child, 'message').then(() => true), death.then(() => false)]);
  return { death, isReady };
}

/** A run of the collector that comes as far as the point. */
export async function killCollector(
  scope: Scope,
  config: Config,
  point: FaultPoint,
  env: Record<string, string> = {},
): Promise<void> {
  const collector = startDoomed(scope, 'gc', config.data, point, env);
  assert.ok(await collector.isReady());
  const run = callControl(dataPaths(config).collectorSocket, 'POST', '/run');
  await assert.rejects(run, `${point} was never passed`);
  await collector.death;
}
