/** Shorter ones are refused for their length. */
const minLength = 8;

let common: Promise<ReadonlySet<string>> | undefined;

/** Whether attackers try it first: one of the 18,000 most common passwords of 8 characters or more, in any case. */
export async function isCommonPassword(password: string): Promise<boolean> {
  common ??= readCommon();
  return (await common).has(password.toLowerCase());
}

/** Read when somebody sets a password, which takes 0.1 s and some MiB; logging in does not need it. */
async function readCommon(): Promise<ReadonlySet<string>> {
  const { dictionary } = await import('@zxcvbn-ts/language-common');
  return new Set(dictionary['passwords-common'].filter(({ length }) => length >= minLength));
}
