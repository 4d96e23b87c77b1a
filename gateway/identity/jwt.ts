import {
  type CryptoKey,
  calculateJwkThumbprint,
  errors,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK_EC_Private,
  type JWTHeaderParameters,
  type JWTPayload,
  type JWTVerifyOptions,
  jwtVerify,
  SignJWT,
} from 'jose';

const algorithm = 'ES256';
/** Clocks of several machines differ a little; also how long a token outlives its `exp`. */
export const clockToleranceSeconds = 5;

/** A key as users.db keeps it. */
export interface StoredKey {
  /** RFC 7638 thumbprint. */
  kid: string;
  /** JSON; without `d` the public part alone. */
  jwk: string;
}

export interface VerifyingKey {
  kid: string;
  publicKey: CryptoKey;
}

export interface SigningKey extends VerifyingKey {
  privateKey: CryptoKey;
}

/** RFC 7517, for those who verify our tokens themselves. */
export interface PublicJwk {
  kty: string;
  crv: string;
  x: string;
  y: string;
  kid: string;
  use: 'sig';
  alg: string;
}

/** Why a token is not accepted. */
export type TokenFault =
  | 'malformed'
  | 'algorithm'
  | 'unknown-key'
  | 'signature'
  | 'issuer'
  | 'audience'
  | 'expired'
  | 'not-yet-valid'
  | 'revoked';

export class TokenRefused extends Error {
  readonly fault: TokenFault;

  constructor(fault: TokenFault, cause?: unknown) {
    super(`token refused: ${fault}`, { cause });
    this.name = 'TokenRefused';
    this.fault = fault;
  }
}

export async function createKey(): Promise<StoredKey> {
  const { privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const jwk = await exportJWK(privateKey);
  return { kid: await calculateJwkThumbprint(jwk), jwk: JSON.stringify(jwk) };
}

export async function importPublicKey({ kid, jwk }: StoredKey): Promise<VerifyingKey> {
  const { d: _, ...rest } = JSON.parse(jwk) as JWK_EC_Private;
  return { kid, publicKey: (await importJWK(rest, algorithm)) as CryptoKey };
}

export async function importSigningKey(key: StoredKey): Promise<SigningKey> {
  const privateKey = (await importJWK(JSON.parse(key.jwk) as JWK_EC_Private, algorithm)) as CryptoKey;
  return { ...(await importPublicKey(key)), privateKey };
}

export function publicJwk({ kid, jwk }: StoredKey): PublicJwk {
  const { kty, crv, x, y } = JSON.parse(jwk) as PublicJwk;
  return { kty, crv, x, y, kid, use: 'sig', alg: algorithm };
}

/** @param x5c certificates of the key, for services that know no key set. */
export async function signJwt(key: SigningKey, claims: JWTPayload, x5c?: string[]): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: algorithm, kid: key.kid, typ: 'JWT', ...(x5c && { x5c }) })
    .sign(key.privateKey);
}

/**
 * The claims of a token that one of our keys has signed with ES256 for this issuer and audience and that is valid
 * now, or was until its end. A key is only ever found by the `kid` of one of ours; what else a header says of keys is not looked at.
 * @throws TokenRefused
 */
export async function verifyJwt(
  token: string,
  service: string,
  findKey: (kid: string) => VerifyingKey | undefined,
  { forgiveExpiry = false } = {},
): Promise<{ claims: JWTPayload; kid: string }> {
  const options: JWTVerifyOptions = {
    algorithms: [algorithm],
    issuer: service,
    audience: service,
    typ: 'JWT',
    clockTolerance: clockToleranceSeconds,
    requiredClaims: ['sub', 'exp', 'nbf', 'iat', 'jti'],
  };
  const getKey = (header: JWTHeaderParameters) => {
    const key = findKey(header.kid ?? '');
    if (!key) throw new TokenRefused('unknown-key');
    return key.publicKey;
  };
  try {
    const { payload, protectedHeader } = await jwtVerify(token, getKey, options).catch((error) => {
      if (!forgiveExpiry || !(error instanceof errors.JWTExpired)) throw error;
      // All of it once more, as it stood at its last second; the first look has compared `nbf` with now.
      const lastSecond = new Date((error.payload.exp! - 1) * 1000);
      return jwtVerify(token, getKey, { ...options, currentDate: lastSecond });
    });
    return { claims: payload, kid: protectedHeader.kid! };
  } catch (error) {
    throw error instanceof TokenRefused ? error : new TokenRefused(faultOf(error), error);
  }
}

function faultOf(error: unknown): TokenFault {
  if (error instanceof errors.JWTExpired) return 'expired';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'signature';
  if (error instanceof errors.JOSEAlgNotAllowed) return 'algorithm';
  if (error instanceof errors.JWTClaimValidationFailed) return claimFaults[error.claim] ?? 'malformed';
  if (error instanceof errors.JOSEError) return 'malformed';
  throw error;
}

const claimFaults: Record<string, TokenFault> = { iss: 'issuer', aud: 'audience', nbf: 'not-yet-valid' };
