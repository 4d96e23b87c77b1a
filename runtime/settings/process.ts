import { duration, key, oneOf, path, workerCount } from './values.ts';

/** Every process. */
export const processSettings = {
  'log.level': key(
    oneOf('debug', 'info', 'warn', 'error'),
    'info',
    'Least level that is logged. Log lines are JSON on standard error.',
  ),
  'log.access': key(
    oneOf('json', 'common', 'combined', 'off'),
    'json',
    'Form of the line for each request: JSON, or the Common or Combined Log Format of Apache httpd.',
  ),
  'log.access_file': key(
    path,
    '',
    'File for those lines; opened anew on SIGHUP. Empty: standard error, with the other lines.',
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
