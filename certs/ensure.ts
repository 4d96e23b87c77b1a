import { type Authority, makeAuthority, readAuthority } from './authority.ts';
import { CertificateError } from './errors.ts';
import { type CertificatePaths, certificatePaths, prepareDirectory } from './files.ts';
import { canonicalNames } from './names.ts';
import {
  type IssueReason,
  type IssuingAuthority,
  inspectServer,
  issueServer,
  presentNames,
  renewServer,
} from './server-certificate.ts';

export interface CertificateRequest {
  /** `<data>/certs`; made where it is missing. */
  directory: string;
  /** DNS names and addresses that the server certificate has to hold, at least one; see machineNames(). */
  names: string[];
  /** The time to judge by; for tests. */
  now?: Date;
}

export interface EnsuredCertificates {
  /** This call made the authority, which clients have yet to trust. */
  created: boolean;
  /** This call put a server certificate in the place of another that would no longer do, or was missing. */
  reissued: boolean;
  /**
   * Why it was (re)issued. With `reissued` and `created` false: what would call for it, were `ca.key` there;
   * the pair still serves.
   */
  reason: IssueReason | undefined;
  caCertificatePath: string;
  certificatePath: string;
  keyPath: string;
}

// Each round mends what the last one found; more than two happen only while other processes write too.
const MAXIMUM_ROUNDS = 20;

/**
 * Sees to an authority and a server certificate in the directory; what is good stays as it is.
 * The server certificate is issued again, by the same authority, when a name is missing, when it has
 * under 30 days left, or when it is damaged, foreign or does not match its key.
 * Several processes may call this at once: files appear whole, keys before their certificates, and
 * every caller inspects again after its last write. Throws CertificateError where a person has to act.
 */
export async function ensureCertificates(request: CertificateRequest): Promise<EnsuredCertificates> {
  const names = wantedNames(request.names);
  const now = request.now ?? new Date();
  const paths = certificatePaths(request.directory);
  await prepareDirectory(request.directory);
  const { authority, created } = await findAuthority(paths, now);
  const { caCertificatePath, certificatePath, keyPath } = paths;
  let wrote = false;
  let reason: IssueReason | undefined;
  for (let round = 0; round < MAXIMUM_ROUNDS; round++) {
    const fault = await inspectServer(paths, authority, names, now);
    reason ??= fault;
    if (fault === undefined || !canIssue(authority, fault, paths)) {
      return { created, reissued: wrote && !created, reason, caCertificatePath, certificatePath, keyPath };
    }
    wrote = (await issueServer(paths, authority, names, now)) || wrote;
  }
  throw new Error(`${certificatePath} is still not right (${reason}): something else keeps writing there`);
}

/**
 * Issues the server certificate anew, with a new key, for `names` and those that it holds already.
 * Servers that watch the pair take it over. A crash half-way leaves a key without its certificate,
 * which the next ensureCertificates() mends. Throws CertificateError, CA_KEY_MISSING among others.
 */
export async function renewServerCertificate(request: CertificateRequest): Promise<EnsuredCertificates> {
  const now = request.now ?? new Date();
  const paths = certificatePaths(request.directory);
  await prepareDirectory(request.directory);
  const { authority, created } = await findAuthority(paths, now);
  if (!isIssuing(authority)) throw keyMissing(paths, 'renewing needs it');
  const names = wantedNames([...request.names, ...(await presentNames(paths))]);
  await renewServer(paths, authority, names, now);
  const ensured = await ensureCertificates({ ...request, names });
  return { ...ensured, created, reissued: !created };
}

async function findAuthority(
  paths: CertificatePaths,
  now: Date,
): Promise<{ authority: Authority; created: boolean }> {
  const found = await readAuthority(paths, now);
  if (found) return { authority: found, created: false };
  const created = await makeAuthority(paths, now);
  const authority = await readAuthority(paths, now);
  if (!authority) throw new Error(`${paths.caCertificatePath} vanished while it was being made`);
  return { authority, created };
}

// With ca.key kept elsewhere, a pair that still holds goes on serving, whatever it lacks.
function canIssue(
  authority: Authority,
  fault: IssueReason,
  paths: CertificatePaths,
): authority is IssuingAuthority {
  if (isIssuing(authority)) return true;
  if (fault === 'ends-soon' || fault === 'names') return false;
  throw keyMissing(paths, `the server certificate has to be issued (${fault})`);
}

function isIssuing(authority: Authority): authority is IssuingAuthority {
  return authority.keyPem !== undefined;
}

function keyMissing(paths: CertificatePaths, why: string): CertificateError {
  return new CertificateError(
    'CA_KEY_MISSING',
    `${paths.caKeyPath} is missing, and ${why}`,
    `Put the key of ${paths.caCertificatePath} back, or move all files of that directory away to begin with a new authority that clients have to trust anew`,
  );
}

function wantedNames(names: string[]): string[] {
  if (names.length > 0) return canonicalNames(names);
  throw new CertificateError('NAME_INVALID', 'No name was given for the certificate', 'Give at least one');
}
