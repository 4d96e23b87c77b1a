import { duration, key, oneOf, path, size } from './values.ts';

/** The audit trail. */
export const auditSettings = {
  'audit.trail': key(
    oneOf('on', 'off'),
    'on',
    'Whether audit.db is written: logins, pulls, pushes, deletions and every change of users and rights.',
  ),
  'audit.retention': key(duration('1h'), '400d', 'How long entries of the audit trail are kept.'),
  'audit.max_size': key(
    size,
    '0',
    'Size of audit.db beyond which the oldest entries go before their time. 0: none.',
  ),
  'audit.json_lines': key(
    path,
    '',
    'File to which each entry is written too, as a line of JSON; opened anew on SIGHUP. `log`: the log. Empty: none.',
  ),
} as const;
