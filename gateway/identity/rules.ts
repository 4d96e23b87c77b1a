import { isPattern } from '../../oci/repository-pattern.ts';
import { AdminError } from './admin-error.ts';
import { looksLikeSecret } from './secret-format.ts';
import { reservedNames, robotPrefix } from './subjects.ts';
import { type Action, actions as allActions } from './types.ts';

/** Any such name is a valid first part of a repository name, for `<user>/**`. */
const userNameGrammar = /^(?=.{1,64}$)[a-z0-9]+(?:[._-][a-z0-9]+)*$/;

/** bcrypt reads no further than this; a longer password would be cut without a word. */
const maxPasswordBytes = 72;
const minPasswordLength = 8;

export function isUserName(name: string): boolean {
  return userNameGrammar.test(name);
}

/** Whether somebody of that name could log in: a user, or a robot. */
export function isLoginName(name: string): boolean {
  return isUserName(name.startsWith(robotPrefix) ? name.slice(robotPrefix.length) : name);
}

/** The grammar is the same for users, teams and robots. @throws AdminError NAME_INVALID, NAME_RESERVED */
export function checkUserName(name: string, kind = 'user'): void {
  if (!isUserName(name)) {
    throw new AdminError(
      'NAME_INVALID',
      `${JSON.stringify(name)} is not a ${kind} name: use lower-case letters and digits, with single ".", "_" or "-" ` +
        'between them, at most 64 characters',
    );
  }
  if (reservedNames.includes(name)) {
    throw new AdminError(
      'NAME_RESERVED',
      `"${name}" stands for all such callers in grants; choose another name`,
    );
  }
}

/** Without control characters, which RFC 7617 forbids and of which bcrypt takes NUL for an end. */
export function isPossiblePassword(password: string): boolean {
  return password !== '' && Buffer.byteLength(password) <= maxPasswordBytes && !/[\p{Cc}]/u.test(password);
}

/** @throws AdminError PASSWORD_EMPTY, PASSWORD_TOO_SHORT, PASSWORD_TOO_LONG, PASSWORD_INVALID */
export function checkPassword(password: string): void {
  const bytes = Buffer.byteLength(password);
  if (password === '') throw new AdminError('PASSWORD_EMPTY', 'the password is empty; give one');
  if (bytes > maxPasswordBytes) {
    throw new AdminError(
      'PASSWORD_TOO_LONG',
      `the password has ${bytes} bytes; bcrypt takes at most ${maxPasswordBytes}, choose a shorter one`,
    );
  }
  if (!isPossiblePassword(password) || !password.isWellFormed()) {
    throw new AdminError(
      'PASSWORD_INVALID',
      'the password has control characters, which clients cannot send',
    );
  }
  if (looksLikeSecret(password)) {
    throw new AdminError(
      'PASSWORD_INVALID',
      'the password begins as the tokens of this server do, and would be taken for one',
    );
  }
  if ([...password].length < minPasswordLength) {
    throw new AdminError(
      'PASSWORD_TOO_SHORT',
      `the password is shorter than ${minPasswordLength} characters`,
    );
  }
}

/** @throws AdminError PATTERN_INVALID */
export function checkPattern(pattern: string): void {
  if (isPattern(pattern)) return;
  throw new AdminError(
    'PATTERN_INVALID',
    `${JSON.stringify(pattern)} is not a repository pattern; examples: "team-a/app", "team-a/*", "team-a/**", "**"`,
  );
}

/** @returns the actions once each, in their order. @throws AdminError ACTIONS_INVALID */
export function checkActions(actions: readonly string[]): Action[] {
  const known = allActions.filter((action) => actions.includes(action));
  if (known.length > 0 && actions.every((action) => (allActions as readonly string[]).includes(action))) {
    return known;
  }
  throw new AdminError(
    'ACTIONS_INVALID',
    `${JSON.stringify(actions.join(','))} are not actions; give one or more of ${allActions.join(', ')}`,
  );
}
