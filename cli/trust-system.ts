import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { promisify } from 'node:util';
import { describeCertificate, permittedNamesOf } from '../certs/index.ts';
import { CommandError } from './errors.ts';
import type { TrustFile } from './trust-files.ts';

interface SystemStore {
  directory: string;
  command: string;
}

/** Debian, Ubuntu, Alpine, SUSE; then Fedora, RHEL, Arch. */
const stores: readonly SystemStore[] = [
  { directory: '/usr/local/share/ca-certificates', command: '/usr/sbin/update-ca-certificates' },
  { directory: '/etc/pki/ca-trust/source/anchors', command: '/usr/bin/update-ca-trust' },
];

/**
 * What makes every program of a machine trust the authority. @throws CommandError for an authority without limits: it
 * could speak for any site.
 */
export async function systemTrust(ca: string, root: string): Promise<{ file: TrustFile; command: string }> {
  if ((await permittedNamesOf(ca)) === undefined) {
    throw new CommandError(
      'this certificate authority may issue for any name, so a machine that trusts it can be deceived about every site; make one with limits (gatehouse cert renew --new-authority), or trust it for one client alone (gatehouse trust docker)',
    );
  }
  const store = stores.find(({ command }) => existsSync(root + command));
  if (!store) {
    const known = stores.map(({ command }) => basename(command)).join(' nor ');
    throw new CommandError(`there is neither ${known} here; add the certificate by the means of this system`);
  }
  const { fingerprintSha256 } = await describeCertificate(ca);
  const id = fingerprintSha256.replaceAll(':', '').slice(0, 8).toLowerCase();
  return { file: { path: `${store.directory}/gatehouse-${id}.crt`, text: ca }, command: store.command };
}

/** @throws CommandError with what the command wrote. */
export async function updateStore(command: string): Promise<void> {
  try {
    await promisify(execFile)(command, []);
  } catch (error) {
    throw new CommandError(`${command} failed: ${(error as { stderr?: string }).stderr || error}`);
  }
}
