import { duration, key, oneOf } from './values.ts';

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
} as const;
