import { duration, key, size } from './values.ts';

/** How long a client may take. Node’s timers reach 24 days. */
export const timeoutsSettings = {
  'timeouts.headers': key(
    duration('1s', '24h'),
    '30s',
    'How long the head of a request may take to arrive, from its first byte or the beginning of the connection.',
  ),
  'timeouts.idle': key(
    duration('1s', '24h'),
    '5m',
    'A connection on which no byte moves for so long is closed, unless it waits for us.',
  ),
  'timeouts.body_idle': key(
    duration('1s', '24h'),
    '2m',
    'A body that stands still for so long is refused (408), and one that comes slower than `timeouts.min_rate` when so much is lost.',
  ),
  'timeouts.min_rate': key(
    size,
    '1KiB',
    'What a second of a body has to bring on average. Time in which we do not read does not count. 0: any rate, `timeouts.body_idle` alone counts.',
  ),
  'timeouts.body': key(
    duration('1s', '20d'),
    '7d',
    'How long the body of one request of an upload may take. An upload may have many.',
  ),
  'timeouts.manifest': key(
    duration('1s', '24h'),
    '2m',
    'How long the body of a manifest may take, which the core keeps in memory while it comes.',
  ),
} as const;
