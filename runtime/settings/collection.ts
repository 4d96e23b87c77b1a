import { dailyWindow, duration, key, policies, schedule, timezone } from './values.ts';

/** What is kept, and when the rest is removed. */
export const collectionSettings = {
  'gc.schedule': key(
    schedule,
    '0 3 * * *',
    'When the collector runs: a cron expression in the time of `gc.timezone`, or `off`.',
  ),
  'gc.timezone': key(timezone, '', 'Time zone of `gc.schedule` and `gc.window`. Empty: local time.'),
  'gc.jitter': key(
    // Node's timers reach 24 days; a delay of a day is the next day's run.
    duration('0', '24h'),
    '0',
    'A scheduled run starts later than its time, by a random part of this.',
  ),
  'gc.window': key(
    dailyWindow,
    '',
    'The only part of a day in which scheduled runs work: none starts outside, and at its end one stops and is gone on with by the next. Empty: the whole day.',
  ),
  'gc.lease': key(
    duration('2s'),
    '24h',
    'How long content is kept after a client was told that it exists, whether or not anything refers to it. Half of it is what a client is promised.',
  ),
  'gc.trash': key(
    duration(),
    '0',
    'How long what a run removed stays in the trash, from where `gatehouse gc undo` brings it back; 24h is a good value where the disk allows. 0: it is gone at once.',
  ),
  'gc.grace': key(duration(), '0', 'Extra rest before unreferenced content is removed.'),
  'gc.untagged': key(duration(), '7d', 'How long a manifest without tag, index or subject is kept.'),
  'gc.policies': key(
    policies,
    '',
    'What is kept in which repositories: a list of policies, see [garbage-collection.md](garbage-collection.md#policies). Empty: no tag is ever removed.',
  ),
  'events.retention': key(duration('1h'), '30d', 'How long rows of the event journal are kept.'),
} as const;
