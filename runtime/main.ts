import { parseArgs } from 'node:util';
import { ConfigError, type ConfigFault, loadConfig } from './config.ts';
import type { Config } from './config-schema.ts';
import { configFlags, sourcesFromFlags } from './flags.ts';
import { createLog, type Log } from './log.ts';

export interface Running {
  /** Stops taking requests, lets those under way finish, closes in reverse order of opening. */
  drain(): Promise<void>;
  /** SIGHUP: reads again what can change without a restart. */
  reload?(): Promise<void>;
}

/** Messages from a process to its supervisor. */
export type ChildMessage =
  | { type: 'ready' }
  | { type: 'failed'; message: string; faults?: readonly ConfigFault[] };

/** Set for a process that is only to load its modules: see `supervisor/load-ahead.ts`. */
export const loadOnlyVariable = 'GATEHOUSE_LOAD_ONLY';

/**
 * Runs a process: configuration, signals, the channel to the supervisor. A supervised process stops when its
 * channel closes (the supervisor died), and leaves SIGINT to the supervisor, which stops all in order.
 */
export async function runMain(
  component: string,
  start: (config: Config, log: Log) => Promise<Running>,
): Promise<void> {
  if (process.env[loadOnlyVariable] !== undefined) return;
  process.umask(0o077);
  silenceKnownDeprecations();
  let log = createLog(component, 'info');
  try {
    const { values } = parseArgs({ options: configFlags });
    const { config } = loadConfig(sourcesFromFlags(values, process.env));
    log = createLog(component, config['log.level']);
    process.on('uncaughtException', (error) => {
      log.error('uncaught exception, the process ends', { error });
      process.exit(1);
    });
    const stopper = createStopper(log, config['shutdown.drain']);
    const running = await start(config, log);
    stopper.arm(running);
    log.info('ready');
    tell({ type: 'ready' });
  } catch (error) {
    fail(log, error as Error);
  }
}

/** Signals may come before the process is up: those to stop are remembered until there is something to drain. */
function createStopper(log: Log, drainMs: number) {
  let running: Running | undefined;
  let reason: string | undefined;
  const stop = async () => {
    log.info('draining', { reason });
    // The supervisor's own limit is a little longer; this one is for a process that runs alone.
    setTimeout(() => process.exit(1), drainMs + 2000).unref();
    await running!.drain();
    log.info('stopped');
    process.exit(0);
  };
  const ask = (why: string) => {
    if (reason !== undefined) return;
    reason = why;
    if (running) void stop();
  };
  process.on('SIGTERM', () => ask('SIGTERM'));
  process.on('SIGINT', () => (process.connected ? undefined : ask('SIGINT')));
  process.on('disconnect', () => ask('the supervisor is gone'));
  // It may have died while our modules were loading, before anybody listened.
  if (process.send && !process.connected) ask('the supervisor is gone');
  // Before the process is up there is nothing to read again, but the signal must not end it.
  process.on(
    'SIGHUP',
    () => void running?.reload?.().catch((error) => log.error('reload failed', { error })),
  );
  return {
    arm(started: Running) {
      running = started;
      if (reason !== undefined) void stop();
    },
  };
}

function fail(log: Log, error: Error): void {
  log.error('cannot start', { error });
  const code = error instanceof ConfigError ? 2 : 1;
  const faults = error instanceof ConfigError ? { faults: error.faults } : {};
  tell({ type: 'failed', message: error.message, ...faults }, () => process.exit(code));
}

function tell(message: ChildMessage, sent: () => void = () => {}): void {
  if (process.connected) process.send!(message, sent);
  else sent();
}

/** http-proxy 1.18 calls `util._extend` (DEP0060); every other deprecation stays visible. */
function silenceKnownDeprecations(): void {
  const emit = process.emitWarning;
  process.emitWarning = ((warning: string | Error, ...rest: unknown[]) => {
    const options = rest[0] as { code?: string } | string | undefined;
    const code = typeof options === 'object' ? options?.code : rest[1];
    if (code !== 'DEP0060') Reflect.apply(emit, process, [warning, ...rest]);
  }) as typeof process.emitWarning;
}
