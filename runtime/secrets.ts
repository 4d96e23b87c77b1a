/** The start of every JSON Web Token (`{"` in Base64), and what follows a scheme in an Authorization header. */
const patterns: readonly [RegExp, string][] = [
  [/\beyJ[A-Za-z0-9_.-]{12,}/g, '[token]'],
  // What the server makes itself: gateway/identity/secret-format.ts.
  [/gatehouse_[a-z]{2,8}_[0-9A-Za-z]{12,}/g, '[secret]'],
  // A value of small letters only is a word in a sentence.
  [/\b([Bb]asic|[Bb]earer)((?:\s|%20|\+)+)(?=[a-z]*[A-Z0-9+/=._~-])[A-Za-z0-9+/=._~-]{8,}/g, '$1$2[secret]'],
];

/**
 * Blanks what looks like credentials. People paste tokens into paths and names, which are logged, and told in errors
 * that others read.
 */
export function blankSecrets(text: string): string {
  return patterns.reduce((blanked, [pattern, instead]) => blanked.replace(pattern, instead), text);
}
