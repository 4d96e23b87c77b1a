import { key, rate } from './values.ts';

/** How much anybody may do. */
export const limitsSettings = {
  'limits.address_requests': key(rate, '60000/1m', 'Requests of one address (IPv6: one /64).'),
  'limits.account_requests': key(rate, '60000/1m', 'Requests of one account.'),
  'limits.failed_logins': key(rate, '10/1m', 'Failed logins of one account from one address.'),
  'limits.address_failed_logins': key(
    rate,
    '100/1m',
    'Failed logins from one address, whatever the account.',
  ),
} as const;
