import { join } from 'node:path';
import {
  type CertificateDescription,
  describeCertificate,
  machineNames,
  renewServerCertificate,
} from '../../certs/index.ts';
import { dataPaths } from '../../runtime/config.ts';
import type { Config } from '../../runtime/config-schema.ts';
import { type Call, type Command, jsonOption, namedPositionals } from '../command.ts';
import { CommandError, UsageError } from '../errors.ts';
import { printJson, printLine } from '../output.ts';
import { loadExisting } from '../settings.ts';

export const command: Command = {
  summary: 'show or renew the certificate',
  usage: ['cert show [--json]', 'cert renew [--hostname NAME]…'],
  description:
    'renew issues a new server certificate by the own authority, for the names of the old one and those that are\nconfigured or given. The running gateway takes it over; clients that trust the authority notice nothing.\nFor a new name to be served it must be in the setting `hostname`, too.',
  options: jsonOption,
  examples: [
    ['cert show', 'names, dates and fingerprints'],
    ['cert renew --hostname registry.example.com', 'a new certificate with one more name'],
  ],
  async run(call) {
    const [verb, ...rest] = call.positionals;
    namedPositionals(rest, []);
    if (verb !== 'show' && verb !== 'renew') throw new UsageError('expected show or renew');
    const { config } = loadExisting(call.flags);
    if (config['tls.mode'] === 'off') throw new CommandError('tls.mode is off: there is no certificate');
    if (verb === 'renew') await renew(config);
    else await show(config, call);
    return 0;
  },
};

async function renew(config: Config): Promise<void> {
  if (config['tls.mode'] === 'files') {
    throw new CommandError(
      `the certificate ${config['tls.certificate']} is not ours to renew (tls.mode: files)`,
    );
  }
  const names = machineNames([...config.hostname]);
  const directory = dataPaths(config).certificates;
  const { certificatePath } = await renewServerCertificate({ directory, names });
  const { notAfter } = await describeCertificate(certificatePath);
  printLine(`${certificatePath} was issued anew, valid until ${notAfter}`);
}

async function show(config: Config, { given }: Call): Promise<void> {
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
