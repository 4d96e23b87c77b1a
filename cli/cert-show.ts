import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  acmePaths,
  type CertificateDescription,
  describeCertificate,
  permittedNamesOf,
} from '../certs/index.ts';
import { dataPaths } from '../runtime/config.ts';
import type { Config } from '../runtime/config-schema.ts';
import type { Call } from './command.ts';
import { installLine } from './install-line.ts';
import { printJson, printLine } from './output.ts';
import { servedPort } from './trust-hosts.ts';

export async function show(config: Config, { given }: Call): Promise<void> {
  const certificates = await Promise.all(
    Object.entries(certificateFiles(config)).map(
      async ([role, path]) => [role, { path, ...(await describeCertificate(path)) }] as const,
    ),
  );
  const own = await ownAuthority(config);
  if (given.has('json')) return printJson({ ...Object.fromEntries(certificates), ...own });
  printLine(certificates.map(([role, description]) => describe(role, description)).join('\n\n'));
  if (!own) return;
  printLine(`\nThe authority may issue for ${own.permitted?.join(', ') ?? 'any name'}`);
  printLine(`\nFor docker on another machine, as root:\n\n${own.install}`);
}

/** What is told beside of an authority of our own. */
async function ownAuthority(config: Config) {
  if (config['tls.mode'] === 'files') return undefined;
  const ca = await readFile(join(dataPaths(config).certificates, 'ca.crt'), 'utf8');
  const install = installLine(config, ca, await servedPort(config));
  return { permitted: (await permittedNamesOf(ca)) ?? null, install };
}

function certificateFiles(config: Config): Record<string, string> {
  if (config['tls.mode'] === 'files') {
    const more = config['tls.pairs'].map(({ certificate }, index) => [`server ${index + 2}`, certificate]);
    return { server: config['tls.certificate'], ...Object.fromEntries(more) };
  }
  const directory = dataPaths(config).certificates;
  const acme = acmePaths(dataPaths(config).acmeCertificates).certificatePath;
  const issued = config['tls.mode'] === 'acme' && existsSync(acme) ? { acme } : {};
  return { ...issued, authority: join(directory, 'ca.crt'), server: join(directory, 'server.crt') };
}

function describe(role: string, description: CertificateDescription & { path: string }): string {
  const { path, subject, names, notBefore, notAfter, daysLeft, fingerprintSha256 } = description;
  return [
    `${role}  ${path}`,
    `  subject  ${subject}`,
    ...(names.length > 0 ? [`  names    ${names.join(', ')}`] : []),
    `  valid    ${notBefore} to ${notAfter} (${daysLeft} days left)`,
    `  sha256   ${fingerprintSha256}`,
  ].join('\n');
}
