import { type Authority, type KeyType, makeAuthority, permittedNames, readAuthority } from './authority.ts';
import { CertificateError } from './errors.ts';
import { type CertificatePaths, certificatePaths, prepareDirectory } from './files.ts';
import { canonicalNames } from './names.ts';
import {
  type IssueReason,
  type IssuingAuthority,
  inspectServer,
  issueServer,
  MAXIMUM_LIFETIME_MILLISECONDS,
  presentNames,
  renewServer,
  type ServerRequest,
} from './server-certificate.ts';

export interface CertificateRequest {
  /** `<data>/certs`; made where it is missing. */
  directory: string;
  /** DNS names and addresses that the server certificate has to hold, at least one; see machineNames(). */
  names: readonly string[];
  /** Those of `names` without which nothing shall be renewed. */
  mustHold?: readonly string[];
  /** Of a new authority and what it issues; one that is there keeps its own. Default `ecdsa`. */
  keyType?: KeyType;
  /** Of a server certificate, from its issue to its end; at most and by default 396 days. */
  lifetimeMs?: number;
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
  /**
   * Names of the request that the authority was not made for: they are left out, since clients refuse a certificate
   * with any name that its authority may not issue for. renewAuthority() makes one that may.
   */
  unpermitted: readonly string[];
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
  const wanted = wantedNames(request.names);
  const paths = certificatePaths(request.directory);
  await prepareDirectory(request.directory);
  const { authority, created } = await findAuthority(paths, request);
  const { names, unpermitted } = await splitNames(wanted, authority);
  const server = serverRequest(request, names);
  const { caCertificatePath, certificatePath, keyPath } = paths;
  let wrote = false;
  let reason: IssueReason | undefined;
  for (let round = 0; round < MAXIMUM_ROUNDS; round++) {
    const fault = await inspectServer(paths, authority, names, server.now);
    reason ??= fault;
    if (fault === undefined || !canIssue(authority, fault, paths)) {
      const done = { created, reissued: wrote && !created, reason, unpermitted };
      return { ...done, caCertificatePath, certificatePath, keyPath };
    }
    wrote = (await issueServer(paths, authority, server)) || wrote;
  }
  throw new Error(`${certificatePath} is still not right (${reason}): something else keeps writing there`);
}

/**
 * Issues the server certificate anew, with a new key, for `names` and those that it holds already.
 * Servers that watch the pair take it over. A crash half-way leaves a key without its certificate,
 * which the next ensureCertificates() mends. Throws CertificateError, CA_KEY_MISSING among others.
 */
export async function renewServerCertificate(request: CertificateRequest): Promise<EnsuredCertificates> {
  const paths = certificatePaths(request.directory);
  await prepareDirectory(request.directory);
  const { authority, created } = await findAuthority(paths, request);
  const asked = await splitNames(wantedNames(request.names), authority);
  if (request.mustHold) demandPermitted(request.mustHold, asked.unpermitted, paths);
  if (!isIssuing(authority)) throw keyMissing(paths, 'renewing needs it');
  const wanted = wantedNames([...request.names, ...(await presentNames(paths))]);
  const { names } = await splitNames(wanted, authority);
  await renewServer(paths, authority, serverRequest(request, names));
  const ensured = await ensureCertificates({ ...request, names: wanted });
  return { ...ensured, created, reissued: !created };
}

function serverRequest({ now, lifetimeMs }: CertificateRequest, names: readonly string[]): ServerRequest {
  const maximum = MAXIMUM_LIFETIME_MILLISECONDS;
  return { names, now: now ?? new Date(), lifetimeMs: Math.min(lifetimeMs ?? maximum, maximum) };
}

async function findAuthority(
  paths: CertificatePaths,
  { names, keyType = 'ecdsa', now = new Date() }: CertificateRequest,
): Promise<{ authority: Authority; created: boolean }> {
  const found = await readAuthority(paths, now);
  if (found) return { authority: found, created: false };
  const created = await makeAuthority(paths, { permitted: wantedNames(names), keyType, now });
  const authority = await readAuthority(paths, now);
  if (!authority) throw new Error(`${paths.caCertificatePath} vanished while it was being made`);
  return { authority, created };
}

/** The names that the authority may issue for, and the others. */
async function splitNames(
  wanted: readonly string[],
  authority: Authority,
): Promise<{ names: string[]; unpermitted: string[] }> {
  const permitted = await permittedNames(authority);
  const { isPermitted } = await import('./permitted-names.ts');
  const unpermitted = wanted.filter((name) => !isPermitted(name, permitted));
  return { names: wanted.filter((name) => !unpermitted.includes(name)), unpermitted };
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
    `Put the key of ${paths.caCertificatePath} back (gatehouse cert import-ca-key FILE), or begin with a new authority that clients have to trust anew (gatehouse cert renew --new-authority)`,
  );
}

function demandPermitted(
  names: readonly string[],
  unpermitted: readonly string[],
  paths: CertificatePaths,
): void {
  const refused = canonicalNames(names).filter((name) => unpermitted.includes(name));
  if (refused.length === 0) return;
  throw new CertificateError(
    'NAME_NOT_PERMITTED',
    `The authority ${paths.caCertificatePath} was not made for ${refused.join(', ')}, so clients would refuse its certificate`,
    'Make an authority that is, which all clients have to trust anew (gatehouse cert renew --new-authority)',
  );
}

function wantedNames(names: readonly string[]): string[] {
  if (names.length > 0) return canonicalNames(names);
  throw new CertificateError('NAME_INVALID', 'No name was given for the certificate', 'Give at least one');
}
