import {
  type CertificateRequest,
  describeCertificate,
  ensureCertificates,
  machineNames,
  renewAuthority,
  renewServerCertificate,
} from '../certs/index.ts';
import { dataPaths } from '../runtime/config.ts';
import type { Config } from '../runtime/config-schema.ts';
import type { Call } from './command.ts';
import { CommandError } from './errors.ts';
import { printError, printLine } from './output.ts';
import { unpermittedText } from './unpermitted-names.ts';

/** What the own certificates are to be. @throws CommandError where there are none. */
export function ownRequest(config: Config): CertificateRequest & { directory: string } {
  if (config['tls.mode'] === 'files') {
    throw new CommandError(
      `the certificate ${config['tls.certificate']} is not ours: it was brought (tls.mode: files)`,
    );
  }
  return {
    directory: dataPaths(config).certificates,
    names: machineNames(config.hostname),
    keyType: config['tls.key_type'],
    lifetimeMs: config['tls.lifetime'],
  };
}

export async function issue(config: Config): Promise<void> {
  const { certificatePath, caCertificatePath, created, reissued, reason, unpermitted } =
    await ensureCertificates(ownRequest(config));
  if (created) printLine(`${caCertificatePath} is the new authority that clients have to trust`);
  if (created || reissued) await printIssued(certificatePath);
  else if (reason === undefined) printLine(`${certificatePath} is as it should be`);
  else printError(`${certificatePath} should be issued anew (${reason}), but the authority's key is away`);
  const refused = unpermitted.filter((name) => config.hostname.includes(name));
  if (refused.length > 0) throw new CommandError(unpermittedText(refused));
}

export async function renew(config: Config, { given }: Call): Promise<void> {
  const request = ownRequest(config);
  if (given.has('new-authority')) {
    const { certificatePath, caCertificatePath } = await renewAuthority(request);
    printLine(
      `${caCertificatePath} is a new authority: every client has to trust it anew (gatehouse cert show)`,
    );
    printLine(
      `The old one stays as ${caCertificatePath}.old, its key beside it; remove them when all have moved.`,
    );
    return printIssued(certificatePath);
  }
  const { certificatePath } = await renewServerCertificate({ ...request, mustHold: config.hostname });
  await printIssued(certificatePath);
}

async function printIssued(path: string): Promise<void> {
  const { notAfter } = await describeCertificate(path);
  printLine(`${path} was issued anew, valid until ${notAfter}`);
}
