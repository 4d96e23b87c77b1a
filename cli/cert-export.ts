import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { exportAuthorityKey, importAuthorityKey } from '../certs/index.ts';
import type { Config } from '../runtime/config-schema.ts';
import { ownRequest } from './cert-issue.ts';
import type { Call } from './command.ts';
import { printLine } from './output.ts';

export async function exportCertificate(config: Config): Promise<void> {
  const { directory } = ownRequest(config);
  process.stdout.write(await readFile(join(directory, 'ca.crt'), 'utf8'));
}

export async function exportKey(
  config: Config,
  { given }: Call,
  { FILE }: Readonly<Record<string, string>>,
): Promise<void> {
  const { directory } = ownRequest(config);
  const file = resolve(FILE!);
  const remove = given.has('remove');
  await exportAuthorityKey(directory, file, { remove });
  if (!remove) return printLine(`The key of the authority was copied to ${file}; keep it as a secret.`);
  printLine(
    `The key of the authority is now in ${file} alone; without it no client can be served for longer than the server certificate lasts. ` +
      `To renew that: gatehouse cert import-ca-key ${file}, gatehouse cert renew, and take the key away again.`,
  );
}

export async function importKey(
  config: Config,
  _call: Call,
  { FILE }: Readonly<Record<string, string>>,
): Promise<void> {
  const { directory } = ownRequest(config);
  await importAuthorityKey(directory, resolve(FILE!));
  printLine('The key of the authority is back: certificates are issued and renewed again.');
}
