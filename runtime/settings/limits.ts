import { bandwidth, budgetCount, budgetRate } from '../budgets.ts';
import { formatOverrides, type LimitOverride, readOverrides } from '../limit-overrides.ts';
import { budget, key, oneOf, rate, type ValueType } from './values.ts';

const overrides: ValueType<readonly LimitOverride[]> = {
  expected: 'a list of rules, in YAML or JSON',
  structured: true,
  parse: (text) => {
    const { overrides: read, faults } = readOverrides(text);
    return faults.length === 0 ? read : undefined;
  },
  faults: (text) => readOverrides(text).faults,
  format: formatOverrides,
};

/** How much anybody may do. */
export const limitsSettings = {
  'limits.mode': key(
    oneOf('enforce', 'log-only', 'off'),
    'enforce',
    '`log-only`: what would be refused is logged and counted, and goes through. `off`: nothing is counted. Failed logins are limited in any mode.',
  ),
  'limits.account_pulls': key(
    budget(budgetRate),
    'off',
    'Pulls of one account: manifests that are read. HEAD is free, and so are blobs; see [limits.md](limits.md#what-counts-as-a-pull).',
  ),
  'limits.address_pulls': key(
    budget(budgetRate),
    'off',
    'Pulls without an account of one address (IPv6: one /64).',
  ),
  'limits.account_requests': key(budget(budgetRate), 'off', 'Requests of one account.'),
  'limits.address_requests': key(
    budget(budgetRate),
    'off',
    'Requests without an account, or with credentials that are not good, of one address.',
  ),
  'limits.account_tokens': key(budget(budgetRate), 'off', 'Bearer tokens issued to one account.'),
  'limits.address_tokens': key(
    budget(budgetRate),
    'off',
    'Bearer tokens issued to one address without an account.',
  ),
  'limits.account_uploads': key(budget(budgetCount), '1000', 'Blobs that one account sends at once.'),
  'limits.address_uploads': key(
    budget(budgetCount),
    '1000',
    'Blobs that one address sends at once without an account.',
  ),
  'limits.address_connections': key(
    budget(budgetCount),
    '10000',
    'Open connections of one address. Those of trusted proxies are not counted, but by `proxy.protocol` those whom they name.',
  ),
  'limits.account_bandwidth': key(
    budget(bandwidth),
    'off',
    'Bytes per second of blobs of one account, both ways together. What is faster is slowed, never cut.',
  ),
  'limits.address_bandwidth': key(
    budget(bandwidth),
    'off',
    'Bytes per second of blobs of one address without an account.',
  ),
  'limits.overrides': key(
    overrides,
    '',
    'Other budgets for some accounts, addresses or repositories: a list of rules, see [limits.md](limits.md#rules-for-some). Empty: none.',
  ),
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
