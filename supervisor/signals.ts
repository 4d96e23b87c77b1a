import type { Supervisor } from './supervisor.ts';

/**
 * SIGTERM and SIGINT stop the supervisor, from its first moment on; another one changes nothing, since people
 * press Ctrl-C twice and npm passes on what the terminal has sent already. SIGHUP reloads. The handlers stay until
 * the process is gone: without them a late Ctrl-C would turn a clean stop into a death by signal.
 */
export function obeySignals(supervisor: Supervisor): void {
  const stop = (signal: NodeJS.Signals) => void supervisor.stop(signal);
  const reload = () => supervisor.reload();
  process.on('SIGTERM', stop).on('SIGINT', stop).on('SIGHUP', reload);
}
