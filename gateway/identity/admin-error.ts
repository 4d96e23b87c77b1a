export type AdminErrorCode =
  | 'USER_UNKNOWN'
  | 'TEAM_UNKNOWN'
  | 'ROBOT_UNKNOWN'
  | 'TOKEN_UNKNOWN'
  | 'MEMBER_UNKNOWN'
  | 'USER_EXISTS'
  | 'USER_IN_HTPASSWD'
  | 'TEAM_EXISTS'
  | 'ROBOT_EXISTS'
  | 'TOKEN_EXISTS'
  | 'NAME_INVALID'
  | 'NAME_RESERVED'
  | 'PASSWORD_EMPTY'
  | 'PASSWORD_TOO_SHORT'
  | 'PASSWORD_TOO_LONG'
  | 'PASSWORD_INVALID'
  | 'PASSWORD_COMMON'
  | 'PASSWORD_ELSEWHERE'
  | 'PATTERN_INVALID'
  | 'ACTIONS_INVALID'
  | 'REPOSITORY_INVALID'
  | 'GRANT_UNKNOWN'
  | 'RIGHTS_INVALID'
  | 'EXPIRY_INVALID'
  | 'LIMIT_EXCEEDED'
  | 'NOT_ALLOWED'
  | 'SESSION_UNKNOWN'
  | 'LAST_ADMIN';

/** A wish of the administrator that cannot be done: what was wrong and what to do. */
export class AdminError extends Error {
  readonly code: AdminErrorCode;

  constructor(code: AdminErrorCode, message: string) {
    super(message);
    this.name = 'AdminError';
    this.code = code;
  }
}
