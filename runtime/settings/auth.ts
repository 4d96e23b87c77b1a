import { duration, key, oneOf, path, templateGrants, tokenServices, whole } from './values.ts';

/** Logins and tokens. */
export const authSettings = {
  'auth.challenge': key(
    oneOf('bearer', 'basic'),
    'bearer',
    'Challenge of a 401. Basic credentials are accepted with either.',
  ),
  'auth.token_lifetime': key(
    duration('60s'),
    '1h',
    'Life of a Bearer token. Rights are checked at each request all the same.',
  ),
  'auth.refresh_lifetime': key(
    duration(),
    '30d',
    'Life of a refresh token that is not used; each use in its second half renews it. 0: none are issued or accepted.',
  ),
  'auth.refresh_tokens_per_user': key(
    whole(1, 10_000),
    '50',
    'Devices that a user can be logged in on; one more drops the one renewed least recently.',
  ),
  'auth.services': key(
    tokenServices,
    '',
    'Other registries that trust tokens of this one, by their `service`. With `=PREFIX`, their repository `app` is `PREFIX/app` in grants.',
  ),
  'auth.bcrypt_cost': key(
    whole(8, 14),
    '12',
    'Cost of the password hashes. A password that was hashed at less is hashed again at its next login.',
  ),
  'auth.htpasswd_file': key(
    path,
    '',
    'An htpasswd file (bcrypt) whose users may log in, besides those of `gatehouse user`. Read anew when it changes.',
  ),
  'auth.own_namespace': key(
    oneOf('on', 'off'),
    'on',
    'Whether every user may pull, push and delete in `<user>/**`.',
  ),
  'auth.template_grants': key(
    templateGrants,
    '',
    'Further rights that users and teams have by their names. A placeholder is a whole part of the pattern.',
  ),
} as const;
