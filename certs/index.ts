/** The façade of the certificates' room: what the gateway and the command line may use of it. */
export { type AcmeChallenge, type AcmeChallengeType, orderCertificate } from './acme-order.ts';
export { acmeAccountKey, acmePaths, saveAcmePair } from './acme-store.ts';
export { type KeyType, permittedNamesOf } from './authority.ts';
export { exportAuthorityKey, importAuthorityKey } from './authority-key.ts';
export {
  type ClientAuthority,
  type ClientAuthorityPaths,
  loadClientAuthority,
  watchClientAuthority,
} from './client-authority.ts';
export {
  type CertificateRequest,
  type EnsuredCertificates,
  ensureCertificates,
  renewServerCertificate,
} from './ensure.ts';
export { CertificateError, type CertificateErrorCode } from './errors.ts';
export { issueKeyAuthority, issueKeyCertificate, type KeyAuthority } from './key-certificate.ts';
export { type KeyPair, type KeyPairPaths, loadKeyPair } from './key-pair.ts';
export { canonicalName, machineNames } from './names.ts';
export { renewAuthority } from './renew-authority.ts';
export { type IssueReason, renewalTime } from './server-certificate.ts';
export { type KeyPairWatchOptions, watchKeyPair } from './watch.ts';
export {
  alternativeNames,
  type CertificateDescription,
  certificateNames,
  describeCertificate,
} from './x509.ts';
