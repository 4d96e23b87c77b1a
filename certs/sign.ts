import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import forge from 'node-forge';
import { addressBytes } from './names.ts';

/** From when to when a certificate is valid. */
export interface Validity {
  notBefore: Date;
  notAfter: Date;
}

interface Extension {
  name: string;
  critical?: boolean;
  [field: string]: unknown;
}

/**
 * A self-signed authority certificate (RFC 5280) for the RSA key `keyPem`, in PEM.
 * It signs server certificates only, no further authorities. `commonName`: ASCII, at most 64 characters.
 */
export function signAuthority(keyPem: string, commonName: string, validity: Validity): string {
  const key = forge.pki.privateKeyFromPem(keyPem);
  const subject = distinguishedName(commonName);
  return sign(key, key, subject, subject, validity, [
    { name: 'basicConstraints', critical: true, cA: true, pathLenConstraint: 0 },
    { name: 'keyUsage', critical: true, keyCertSign: true, cRLSign: true },
    { name: 'subjectKeyIdentifier' },
  ]);
}

/**
 * A server certificate (RFC 5280, RFC 9525) for the RSA key `keyPem` and canonical `names`, in PEM,
 * signed by the authority. `commonName`: ASCII, at most 64 characters; clients look at `names` alone.
 */
export function signServer(
  keyPem: string,
  commonName: string,
  names: string[],
  validity: Validity,
  authority: { certificatePem: string; keyPem: string },
): string {
  const issuer = forge.pki.certificateFromPem(authority.certificatePem);
  const altNames = names.map((name) =>
    isIP(name) ? { type: 7, value: addressBytes(name).toString('latin1') } : { type: 2, value: name },
  );
  return sign(
    forge.pki.privateKeyFromPem(keyPem),
    forge.pki.privateKeyFromPem(authority.keyPem),
    distinguishedName(commonName),
    issuer.subject.attributes,
    validity,
    [
      { name: 'basicConstraints', critical: true, cA: false },
      { name: 'keyUsage', critical: true, digitalSignature: true, keyEncipherment: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames },
      { name: 'subjectKeyIdentifier' },
      { name: 'authorityKeyIdentifier', keyIdentifier: keyIdentifier(issuer) },
    ],
  );
}

function sign(
  key: forge.pki.rsa.PrivateKey,
  signingKey: forge.pki.rsa.PrivateKey,
  subject: forge.pki.CertificateField[],
  issuer: forge.pki.CertificateField[],
  validity: Validity,
  extensions: Extension[],
): string {
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.setRsaPublicKey(key.n, key.e);
  certificate.serialNumber = serialNumber();
  certificate.validity = { ...validity };
  certificate.setSubject(subject);
  certificate.setIssuer(issuer);
  certificate.setExtensions(extensions);
  certificate.sign(signingKey, forge.md.sha256.create());
  return forge.pki.certificateToPem(certificate).replaceAll('\r\n', '\n');
}

/** 128 random bits; a first byte of 01xxxxxx keeps it positive and its DER minimal, as Go demands. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x3f) | 0x40;
  return bytes.toString('hex');
}

function distinguishedName(commonName: string): forge.pki.CertificateField[] {
  // Not the default PrintableString, which has no underscore.
  return [
    {
      name: 'commonName',
      value: commonName,
      valueTagClass: forge.asn1.Type.UTF8 as unknown as forge.asn1.Class,
    },
  ];
}

// The authority's own identifier, whichever way it was computed: chains are built by comparing the two.
function keyIdentifier(issuer: forge.pki.Certificate): string {
  const extension = issuer.getExtension('subjectKeyIdentifier') as { subjectKeyIdentifier?: string } | null;
  const hex = extension?.subjectKeyIdentifier;
  return hex === undefined ? issuer.generateSubjectKeyIdentifier().getBytes() : forge.util.hexToBytes(hex);
}
