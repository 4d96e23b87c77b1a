import { join } from 'node:path';
import { type CertificateDescription, describeCertificate } from '../certs/index.ts';
import { dataPaths } from '../runtime/config.ts';
import type { Config } from '../runtime/config-schema.ts';
import type { Call } from './command.ts';
import { printJson, printLine } from './output.ts';

export async function show(config: Config, { given }: Call): Promise<void> {
  const certificates = await Promise.all(
    Object.entries(certificateFiles(config)).map(
      async ([role, path]) => [role, { path, ...(await describeCertificate(path)) }] as const,
    ),
  );
  if (given.has('json')) return printJson(Object.fromEntries(certificates));
  printLine(certificates.map(([role, description]) => describe(role, description)).join('\n\n'));
}

function certificateFiles(config: Config): Record<string, string> {
  if (config['tls.mode'] === 'files') return { server: config['tls.certificate'] };
  const directory = dataPaths(config).certificates;
  return { authority: join(directory, 'ca.crt'), server: join(directory, 'server.crt') };
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
