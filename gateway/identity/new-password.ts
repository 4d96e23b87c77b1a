import { AdminError } from './admin-error.ts';
import { isCommonPassword } from './common-passwords.ts';
import { checkPassword } from './rules.ts';

/** What everybody here may guess. */
const ownWords = ['gatehouse', 'registry'];

/**
 * What a password must be when it is set. One that comes from an htpasswd file cannot be looked at.
 * @param hostnames of this server, which are no secret either.
 * @throws AdminError PASSWORD_COMMON, and as `checkPassword` does.
 */
export async function checkNewPassword(
  name: string,
  password: string,
  hostnames: readonly string[],
): Promise<void> {
  checkPassword(password);
  const labels = hostnames.flatMap((hostname) => [hostname, hostname.split('.', 1)[0]!]);
  if (isMadeOf(password, [name, ...labels, ...ownWords])) {
    throw new AdminError(
      'PASSWORD_COMMON',
      'the password is made of the name of the user or of this service, which is guessed first; choose another one',
    );
  }
  if (await isCommonPassword(password)) {
    throw new AdminError(
      'PASSWORD_COMMON',
      'the password is one of the most common ones, which are guessed first; choose another one',
    );
  }
}

/** Whether nothing but digits and signs is left when the words are taken out: `Alice-2026!`, `registry.alice`. */
function isMadeOf(password: string, words: readonly string[]): boolean {
  const plain = (text: string) => text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
  const known = words
    .map(plain)
    .filter((word) => word.length > 1)
    .sort((one, other) => other.length - one.length);
  const rest = known.reduce((text, word) => text.replaceAll(word, ''), plain(password));
  return rest !== plain(password) && /^\p{N}*$/u.test(rest);
}
