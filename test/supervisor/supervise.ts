// A supervisor over the processes of mains/, as a process: `node supervise.ts [--data DIR …]`.
// Says `locked`, `ready`, `failed: …` and `down` on standard output.
import { parseArgs } from 'node:util';
import { loadConfig } from '../../runtime/config.ts';
import { configFlags, flagsFromValues, sourcesFromFlags } from '../../runtime/flags.ts';
import { createLog } from '../../runtime/log.ts';
import { lockDataDirectory, obeySignals, Supervisor } from '../../supervisor/index.ts';

const { values } = parseArgs({ options: configFlags });
const { config } = loadConfig(sourcesFromFlags(values, process.env));
const say = (what: string) => process.stdout.write(`${what}\n`);
try {
  const lock = await lockDataDirectory(config);
  say('locked');
  const supervisor = new Supervisor({
    config,
    log: createLog('supervisor', config['log.level']),
    flags: flagsFromValues(values),
    environment: process.env,
    root: new URL('mains', import.meta.url).pathname,
    backOff: { firstMs: 20, maximumMs: 160, resetAfterMs: 60_000 },
    killAfterMs: 100,
  });
  obeySignals(supervisor);
  if (await supervisor.start()) say('ready');
  await supervisor.stopped;
  lock.release();
  say('down');
} catch (error) {
  say(`failed: ${(error as Error).message}`);
  process.exit(1);
}
process.exit(0);
