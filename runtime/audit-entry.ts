/** What is written into the audit trail. A filter takes a name, or the part before its dot for all that share it. */
export const auditActions = {
  login:
    'credentials were accepted: a token was issued for them, or they came for the first time in ten minutes',
  'login.failed': 'credentials were refused; `detail` has the reason',
  pull: 'a manifest was read, by tag or digest',
  push: 'a manifest was stored, with the tags that it got',
  delete: 'a tag, manifest or blob was deleted',
  denied: 'a request was refused for want of a right, which `detail` names',
  'user.add': 'a user was added',
  'user.import': 'users of an htpasswd file were added, or got the passwords that they have there',
  'user.password': 'the password of a user was set',
  'user.enable': 'a user was enabled',
  'user.disable': 'a user was disabled',
  'user.remove': 'a user was removed',
  'team.add': 'a team was added',
  'team.join': 'somebody became a member of a team',
  'team.leave': 'somebody is no member of a team any more',
  'team.remove': 'a team was removed',
  'robot.add': 'a robot was added',
  'robot.change': 'the rights, the end or the secret of a robot were changed',
  'robot.remove': 'a robot was removed',
  'token.create': 'a personal access token was made',
  'token.revoke': 'a personal access token was revoked',
  'session.revoke': 'the refresh token of a device was revoked, or all of a user',
  'grant.add': 'a right was given',
  'grant.revoke': 'a right was taken away',
  'key.rotate': 'the signing key of tokens was replaced',
  collection: 'the collector ended a run; `detail` says what it removed',
} as const;

export type AuditAction = keyof typeof auditActions;

export interface AuditEntry {
  /** Milliseconds since 1970. */
  at: number;
  action: AuditAction;
  /** Account name, of a failed login the one that was tried; '' for anonymous; of an operator the system's name. */
  actor: string;
  /** `operator`: the command line. `system`: Gatehouse itself. */
  actorKind: 'user' | 'robot' | 'anonymous' | 'operator' | 'system';
  /** Kind of the credential, and its id where it has one: `password`, `personal-token:17`; of a Bearer token, of
   * what it was issued for. */
  credential?: string | undefined;
  /** `jti` of the Bearer token. */
  token?: string | undefined;
  /** Of the client. */
  address?: string | undefined;
  repository?: string | undefined;
  /** Tag or digest, as it was asked for. */
  reference?: string | undefined;
  digest?: string | undefined;
  /** Whom a change is about: user, team, robot, token. */
  subject?: string | undefined;
  result: 'ok' | 'failed' | 'denied';
  /** HTTP status of the answer. */
  status?: number | undefined;
  requestId: string;
  /** What else the action has to say. Never a secret. */
  detail?: Readonly<Record<string, unknown>> | undefined;
}

/** The entry as one line of JSON, with the time in RFC 3339. */
export function formatEntry({ at, action, ...entry }: AuditEntry): string {
  return JSON.stringify({ time: timeText(at), action, ...entry });
}

/** Reads what `formatEntry` wrote. */
export function parseEntry(line: string): AuditEntry {
  const { time, ...entry } = JSON.parse(line) as Omit<AuditEntry, 'at'> & { time: string };
  return { at: Date.parse(time), ...entry };
}

let [lastAt, lastText] = [Number.NaN, ''];

/** Many entries share their millisecond. */
function timeText(at: number): string {
  if (at !== lastAt) [lastAt, lastText] = [at, new Date(at).toISOString()];
  return lastText;
}
