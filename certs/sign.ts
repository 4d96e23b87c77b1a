import {
  createHash,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  randomBytes,
  sign as signBytes,
  X509Certificate,
} from 'node:crypto';
import {
  bits,
  boolean,
  bytesOf,
  decode,
  encode,
  integer,
  members,
  type Node,
  nothing,
  octets,
  oid,
  sequence,
  set,
  tagged,
  time,
  utf8,
} from './der.ts';
import {
  authorityKeyIdentifier,
  basicConstraints,
  type Extension,
  extendedKeyUsage,
  keyUsage,
  nameConstraints,
  readKeyIdentifier,
  serverAuth,
  subjectAltName,
  subjectKeyIdentifier,
} from './extensions.ts';

/** From when to when a certificate is valid; whole seconds count. */
export interface Validity {
  notBefore: Date;
  notAfter: Date;
}

/**
 * A self-signed authority certificate (RFC 5280) for the EC or RSA key `keyPem`, in PEM. It signs server
 * certificates for the permitted names alone (and what is below them), and no further authorities.
 * `commonName`: at most 64 characters. `permitted`: canonical names, at least one DNS name and one address.
 */
export function signAuthority(
  keyPem: string,
  commonName: string,
  permitted: readonly string[],
  validity: Validity,
): string {
  const key = createPrivateKey(keyPem);
  const subject = distinguishedName(commonName);
  return sign(key, key, subject, subject, validity, [
    basicConstraints(true),
    keyUsage('keyCertSign', 'cRLSign'),
    extendedKeyUsage(serverAuth),
    nameConstraints(permitted),
    subjectKeyIdentifier(keyIdentifier(key)),
  ]);
}

/**
 * A server certificate (RFC 5280, RFC 9525) for the key `keyPem` and canonical `names`, in PEM, signed by the
 * authority. `commonName`: at most 64 characters; clients look at `names` alone.
 */
export function signServer(
  keyPem: string,
  commonName: string,
  names: readonly string[],
  validity: Validity,
  authority: { certificatePem: string; keyPem: string },
): string {
  const key = createPrivateKey(keyPem);
  const issuer = issuerOf(authority.certificatePem);
  // Only RSA keys can encipher another key, as the key exchange of TLS 1.2 without forward secrecy does.
  const uses = key.asymmetricKeyType === 'rsa' ? (['keyEncipherment'] as const) : [];
  return sign(
    key,
    createPrivateKey(authority.keyPem),
    distinguishedName(commonName),
    issuer.subject,
    validity,
    [
      basicConstraints(false),
      keyUsage('digitalSignature', ...uses),
      extendedKeyUsage(serverAuth),
      subjectAltName(names),
      subjectKeyIdentifier(keyIdentifier(key)),
      authorityKeyIdentifier(issuer.keyIdentifier),
    ],
  );
}

/** A self-signed authority certificate for keys that sign tokens, in PEM. It signs no further authorities. */
export function signKeyAuthority(key: KeyObject, commonName: string, validity: Validity): string {
  const subject = distinguishedName(commonName);
  return sign(key, key, subject, subject, validity, [
    basicConstraints(true),
    keyUsage('keyCertSign', 'cRLSign'),
    subjectKeyIdentifier(keyIdentifier(key)),
  ]);
}

/** A certificate that says nothing but whose key it is: for keys that sign tokens. In PEM. */
export function signKey(
  key: KeyObject,
  commonName: string,
  validity: Validity,
  authority: { certificatePem: string; keyPem: string },
): string {
  const issuer = issuerOf(authority.certificatePem);
  const signingKey = createPrivateKey(authority.keyPem);
  return sign(key, signingKey, distinguishedName(commonName), issuer.subject, validity, [
    basicConstraints(false),
    keyUsage('digitalSignature'),
    subjectKeyIdentifier(keyIdentifier(key)),
    authorityKeyIdentifier(issuer.keyIdentifier),
  ]);
}

function sign(
  key: KeyObject,
  signingKey: KeyObject,
  subject: Node,
  issuer: Node,
  { notBefore, notAfter }: Validity,
  extensions: readonly Extension[],
): string {
  const algorithm = signatureAlgorithm(signingKey);
  const version3 = integer(Buffer.from([2]));
  const body = sequence(
    tagged(0, version3),
    integer(serialNumber()),
    algorithm,
    issuer,
    sequence(time(notBefore), time(notAfter)),
    subject,
    decode(publicKeyInfo(key)),
    tagged(3, sequence(...extensions.map(encodeExtension))),
  );
  // For EC keys this is the DER form, as X.509 wants it.
  const signature = signBytes('sha256', encode(body), signingKey);
  const certificate = encode(sequence(body, algorithm, bits(signature)));
  return new X509Certificate(certificate).toString();
}

function encodeExtension({ id, critical, value }: Extension): Node {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octets(encode(value)));
}

/** ecdsa-with-SHA256 (RFC 5758) or sha256WithRSAEncryption, which wants a NULL beside it (RFC 4055). */
function signatureAlgorithm(key: KeyObject): Node {
  if (key.asymmetricKeyType === 'ec') return sequence(oid('1.2.840.10045.4.3.2'));
  return sequence(oid('1.2.840.113549.1.1.11'), nothing());
}

/** 128 random bits; a first byte of 01xxxxxx keeps it positive and its DER minimal, as Go demands. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x3f) | 0x40;
  return bytes;
}

/** UTF8String and not PrintableString, which has no underscore. */
function distinguishedName(commonName: string): Node {
  return sequence(set(sequence(oid('2.5.4.3'), utf8(commonName))));
}

function publicKeyInfo(key: KeyObject): Buffer {
  return createPublicKey(key).export({ type: 'spki', format: 'der' });
}

/** RFC 5280, 4.2.1.2, method 1: SHA-1 of the public key's bits. An identifier, nothing rests on the hash. */
function keyIdentifier(key: KeyObject): Buffer {
  return identifierOf(decode(publicKeyInfo(key)));
}

function identifierOf(publicKey: Node): Buffer {
  const bitString = bytesOf(members(publicKey)[1]);
  return createHash('sha1').update(bitString.subarray(1)).digest();
}

/** The issuer's name exactly as it stands in its certificate: chains are built by comparing the bytes. */
function issuerOf(certificatePem: string): { subject: Node; keyIdentifier: Buffer } {
  const certificate = new X509Certificate(certificatePem);
  const body = members(members(decode(certificate.raw))[0]);
  // Version (always there in v3), serial, algorithm, issuer, validity, subject, key.
  const [, , , , , subject, publicKey] = body;
  return {
    subject: subject!,
    keyIdentifier: readKeyIdentifier(certificate.raw) ?? identifierOf(publicKey!),
  };
}
