import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { openAdmin } from '../gateway/admin.ts';
import { audited } from '../gateway/audit/index.ts';
import { operator } from '../runtime/audit-report.ts';
import { dataPaths } from '../runtime/config.ts';
import type { Config } from '../runtime/config-schema.ts';
import { writeFileDurably } from '../runtime/durable-file.ts';
import { reportChange } from './audit-report.ts';
import { CommandError } from './errors.ts';

const passwordLength = 24;
// Without 0 O, 1 l I and the like: people copy it from a screen.
const alphabet = 'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789';

export function randomPassword(): string {
  return Array.from({ length: passwordLength }, () => alphabet[randomInt(alphabet.length)]).join('');
}

/**
 * Makes the account `admin` where there is no account yet. Its password is the one given by the environment, or a
 * random one: shown on a terminal, written to a file where there is none, and known to nobody afterwards.
 * @returns what to tell the operator; undefined when nothing was made.
 */
export async function ensureFirstAdmin(
  config: Config,
  environment: NodeJS.ProcessEnv,
  isTerminal: boolean,
): Promise<string | undefined> {
  const admin = audited(await openAdmin(config), operator(), (entry) => reportChange(config, entry));
  try {
    if ((await admin.listUsers()).some(({ source }) => source === 'own')) return undefined;
    const given = givenPassword(environment);
    const password = given ?? randomPassword();
    const path = dataPaths(config).initialPassword;
    const needsFile = given === undefined && !isTerminal;
    // Before the account is there: a crash in between must not leave one whose password nobody has.
    if (needsFile) await writeFileDurably(path, `${password}\n`);
    const { created } = await admin.ensureFirstAdmin(() => password);
    if (!created) {
      if (needsFile) await rm(path, { force: true });
      return undefined;
    }
    if (given !== undefined) return 'The first user is admin, with the password that was given.';
    return needsFile
      ? `The first user is admin; the password is in ${path}, which goes away at the first login.`
      : `The first user is admin, with the password ${password} (shown this once; change it with: gatehouse user passwd admin).`;
  } finally {
    admin.close();
  }
}

function givenPassword(environment: NodeJS.ProcessEnv): string | undefined {
  const password = environment['GATEHOUSE_ADMIN_PASSWORD'];
  if (password) return password;
  const path = environment['GATEHOUSE_ADMIN_PASSWORD_FILE'];
  if (!path) return undefined;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new CommandError(
      `GATEHOUSE_ADMIN_PASSWORD_FILE cannot be read: ${(error as NodeJS.ErrnoException).message}`,
    );
  }
  const line = text.replace(/\r?\n$/, '');
  if (line === '') throw new CommandError(`GATEHOUSE_ADMIN_PASSWORD_FILE (${path}) is empty`);
  return line;
}
