import { createHash } from 'node:crypto';
import type { Account } from './account-store.ts';
import type { HtpasswdSource } from './htpasswd-file.ts';

const fresh = {
  id: 0,
  kind: 'user',
  admin: false,
  enabled: true,
  credentialVersion: 1,
  createdAt: 0,
  updatedAt: 0,
} as const;

/**
 * An account as it counts: with the password of its line in the htpasswd file, where it has none of its own.
 * @param row as users.db has it; undefined where it has none.
 */
export function withLine(
  row: Account | undefined,
  name: string,
  htpasswd: HtpasswdSource,
): Account | undefined {
  if (row?.source === 'own') return row;
  const passwordHash = htpasswd.hashOf(name);
  if (passwordHash === undefined) return row && { ...row, source: 'gone', enabled: false };
  const account: Account = row ?? { ...fresh, name, source: 'htpasswd', passwordHash };
  return {
    ...account,
    passwordHash,
    credentialVersion: boundVersion(account.credentialVersion, passwordHash),
  };
}

/** 48 bits, which JSON and SQLite keep exactly. */
function boundVersion(credentialVersion: number, hash: string): number {
  return createHash('sha256').update(`${credentialVersion} ${hash}`).digest().readUIntBE(0, 6);
}
