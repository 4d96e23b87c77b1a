import { key, rate } from './values.ts';

/** How much anybody may do. */
export const limitsSettings = {
  'limits.address_requests': key(rate, '60000/1m', 'Requests of one address (IPv6: one /64).'),
  'limits.account_requests': key(rate, '60000/1m', 'Requests of one account.'),
  'limits.failed_logins': key(
    rate,
    '10/1m',
    'Failed logins of one account from one address until the two are locked: for the window, then, with each further failure, for twice as long, up to an hour. A success ends it.',
  ),
  'limits.account_failed_logins': key(
    rate,
    '20/15m',
    'Failed logins of one account, from all addresses together, after which its logins are slowed, by 3 s at most. An account is never locked for everybody.',
  ),
  'limits.address_failed_logins': key(
    rate,
    '100/1m',
    'Failed logins from one address, whatever the account.',
  ),
} as const;
