import { OciError } from '../../oci/errors.ts';
import type { Account } from './account-store.ts';
import { type TokenFault, TokenRefused } from './jwt.ts';
import { isSame, type LiveRights } from './live-rights.ts';
import type { RefreshTokens } from './refresh-tokens.ts';
import type { Tokens, VerifiedToken } from './tokens.ts';
import type { Actor, Credential } from './types.ts';

export interface BearerOptions {
  /** Takes an account's token that has nothing against it but its `exp`; the actor is `expired` then. */
  forgiveExpiry?: boolean;
}

/** Checks Bearer tokens: what they say, and whether their account and what they were issued for still stand. */
export class BearerLogin {
  readonly #rights: LiveRights;
  readonly #tokens: Tokens;
  readonly #refreshTokens: RefreshTokens;

  constructor(rights: LiveRights, tokens: Tokens, refreshTokens: RefreshTokens) {
    this.#rights = rights;
    this.#tokens = tokens;
    this.#refreshTokens = refreshTokens;
  }

  /** @throws OciError UNAUTHORIZED with the reason in its detail. */
  async verify(token: string, options: BearerOptions): Promise<Actor> {
    try {
      return this.#actorOf(await this.#tokens.verify(token, options));
    } catch (error) {
      throw error instanceof TokenRefused ? unauthorized(error) : error;
    }
  }

  #actorOf({ id, name, account: reference, issuedTo, scopes, expiresAt, expired }: VerifiedToken): Actor {
    const credential: Credential = { kind: 'bearer', id };
    const bearer = { scopes, tokenEndsAt: expiresAt * 1000, credential, ...(issuedTo && { issuedTo }) };
    if (!reference) {
      // Everybody is anonymous: nothing would be somebody's own.
      if (expired) throw new TokenRefused('expired');
      return { name: '', kind: 'anonymous', admin: false, ...bearer };
    }
    const account = this.#rights.accountById(reference.id);
    const stands = account?.enabled && account.name === name && isSame(reference, account);
    if (!stands || !this.#rights.standingOf(account, issuedTo)) throw new TokenRefused('revoked');
    if (issuedTo?.kind === 'refresh-token' && !this.#refreshTokens.stands(issuedTo.id ?? '', reference)) {
      throw new TokenRefused('revoked');
    }
    return { ...toActor(account), ...bearer, ...(expired && { expired }) };
  }
}

export function toActor({ id, name, kind, admin, credentialVersion }: Account): Actor {
  return { name, kind, admin, account: { id, credentialVersion } };
}

const faultMessages: Record<TokenFault, string> = {
  malformed: 'the token is malformed',
  algorithm: 'the token is not signed with ES256',
  'unknown-key': 'the token is not signed with a key of this server',
  signature: 'the signature of the token is wrong',
  issuer: 'the token was issued by another server',
  audience: 'the token was issued for another server',
  expired: 'the token has expired; get a new one',
  'not-yet-valid': 'the token is not valid yet; check the clocks',
  revoked: 'the token was revoked; log in again',
};

/** The answer to a token past its end, where it is not forgiven. */
export function tokenExpired(): OciError {
  return unauthorized(new TokenRefused('expired'));
}

function unauthorized({ fault, cause }: TokenRefused): OciError {
  return new OciError('UNAUTHORIZED', { message: faultMessages[fault], detail: { reason: fault }, cause });
}
