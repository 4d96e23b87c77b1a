import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureCertificates } from '../../../certs/index.ts';

/** What the servers share: the certificate of the peers is of the kind that Gatehouse makes for itself. */
export interface Materials {
  certificatePath: string;
  keyPath: string;
  /** PEM. */
  ca: string;
  htpasswd: string;
  user: string;
  password: string;
}

/** Whose password is hashed as `htpasswd -B` does unless it is told otherwise (cost 5). */
const user = 'bench';
const password = 'password of the bench';

/** Whose password is hashed at a cost that withstands guessing a little longer (10). */
export const slowUser = { user: 'slow', password: 'slow password of the bench' };

export async function makeMaterials(root: string): Promise<Materials> {
  const directory = join(root, 'certs');
  const made = await ensureCertificates({ directory, names: ['localhost'] });
  const htpasswd = join(root, 'htpasswd');
  writeFileSync(htpasswd, hash(user, password, 5) + hash(slowUser.user, slowUser.password, 10));
  const { certificatePath, keyPath, caCertificatePath } = made;
  return { certificatePath, keyPath, ca: readFileSync(caCertificatePath, 'utf8'), htpasswd, user, password };
}

function hash(name: string, secret: string, cost: number): string {
  const made = spawnSync('htpasswd', ['-nbB', '-C', String(cost), name, secret], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`htpasswd (apache2-utils): ${made.error?.message ?? made.stderr}`);
  return made.stdout.trimEnd().concat('\n');
}
