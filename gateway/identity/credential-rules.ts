import type { RepositoryRight } from '../../runtime/repository-rights.ts';
import { AdminError } from './admin-error.ts';
import { checkActions, checkPattern, checkUserName, isUserName } from './rules.ts';
import { publicId, secretKind } from './secret-format.ts';
import { robotPrefix } from './subjects.ts';

const maxRights = 100;
const maxDescription = 200;

/** Between people and programs: what a list may show, on one line. @throws AdminError NAME_INVALID */
export function checkTokenName(name: string): void {
  if (/^[A-Za-z0-9](?:[A-Za-z0-9 ._@-]{0,62}[A-Za-z0-9._-])?$/.test(name)) return;
  throw new AdminError(
    'NAME_INVALID',
    'a token needs a name of letters, digits, spaces, ".", "_", "@" and "-", at most 64 characters, such as "laptop"',
  );
}

/** @param name with or without `robot+`. @returns with it. @throws AdminError NAME_INVALID, NAME_RESERVED */
export function checkRobotName(name: string): string {
  const own = name.startsWith(robotPrefix) ? name.slice(robotPrefix.length) : name;
  checkUserName(own, 'robot');
  return robotPrefix + own;
}

/** A robot's login name, also where its name was given without the prefix. */
export function robotName(name: string): string {
  return isUserName(name) ? robotPrefix + name : name;
}

/** The public id of a personal token, also where the whole token was given. */
export function tokenId(idOrSecret: string): string {
  return secretKind(idOrSecret) === 'personal-token' ? publicId(idOrSecret) : idOrSecret;
}

/** @throws AdminError NAME_INVALID */
export function checkDescription(text: string): void {
  if (text.length <= maxDescription && !/\p{Cc}/u.test(text)) return;
  throw new AdminError('NAME_INVALID', `a description is one line of at most ${maxDescription} characters`);
}

/** @throws AdminError RIGHTS_INVALID, PATTERN_INVALID, ACTIONS_INVALID */
export function checkLimit(limit: readonly RepositoryRight[] | undefined): void {
  if (limit === undefined) return;
  if (limit.length === 0 || limit.length > maxRights) {
    throw new AdminError(
      'RIGHTS_INVALID',
      `give from 1 to ${maxRights} rights, such as "team-a/**=pull,push"`,
    );
  }
  for (const { pattern, actions } of limit) {
    checkPattern(pattern);
    checkActions(actions);
  }
}

/** @param expiresAt milliseconds since 1970; null: never. @throws AdminError EXPIRY_INVALID */
export function checkExpiry(expiresAt: number | null): void {
  if (expiresAt === null || (Number.isSafeInteger(expiresAt) && expiresAt > Date.now())) return;
  throw new AdminError('EXPIRY_INVALID', 'the end is not a time to come');
}
