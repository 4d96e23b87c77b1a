import { duration, key, oneOf, workerCount } from './values.ts';

/** Every process. */
export const processSettings = {
  'log.level': key(
    oneOf('debug', 'info', 'warn', 'error'),
    'info',
    'Least level that is logged. Log lines are JSON on standard error.',
  ),
  'shutdown.drain': key(
    // Node's timers reach 24 days.
    duration('0', '24h'),
    '25s',
    'How long requests under way may take to finish when a process stops.',
  ),
  'gateway.workers': key(
    workerCount,
    'auto',
    'Processes that serve requests. `auto`: half of the cores from four up, else one. More than one have a process beside them that keeps what they share.',
  ),
} as const;
