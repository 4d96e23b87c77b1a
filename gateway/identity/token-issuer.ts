import { OciError } from '../../oci/errors.ts';
import type { TokenService } from '../../runtime/config-schema.ts';
import { narrowScopes, type Rights } from './decide.ts';
import type { TokenWish } from './index.ts';
import type { LiveRights } from './live-rights.ts';
import type { RefreshTokens } from './refresh-tokens.ts';
import type { Tokens } from './tokens.ts';
import type { Actor, IssuedToken, Scope } from './types.ts';

export interface TokenIssuerParts {
  /** Our own service. */
  service: string;
  /** Others that trust us. */
  services: readonly TokenService[];
  rights: LiveRights;
  tokens: Tokens;
  refreshTokens: RefreshTokens;
}

/** Decides what token somebody gets, for us or for another registry. */
export class TokenIssuer {
  readonly #parts: TokenIssuerParts;

  constructor(parts: TokenIssuerParts) {
    this.#parts = parts;
  }

  /** @throws OciError PARAMETER_INVALID */
  checkService(asked: string | undefined): void {
    if (this.#isOwn(asked) || this.#other(asked)) return;
    throw new OciError('PARAMETER_INVALID', {
      message:
        `this server issues no tokens for that service, but for "${this.#parts.service}"; ` +
        'the operator adds others with the setting "auth.services"',
      detail: { service: asked!.slice(0, 255), expected: this.#parts.service },
    });
  }

  /** @throws OciError UNAUTHORIZED for a Bearer actor, PARAMETER_INVALID for an unknown service. */
  async issue(actor: Actor, { scopes, service, device }: TokenWish): Promise<IssuedToken> {
    if (actor.scopes) {
      throw new OciError('UNAUTHORIZED', {
        message: 'a token is issued for a user name and password, or without any credentials',
        detail: { reason: 'bearer' },
      });
    }
    this.checkService(service);
    const { account, credential } = actor;
    if (actor.kind !== 'anonymous' && !(account && credential))
      throw new Error('the actor does not come from authenticate()');
    const other = this.#isOwn(service) ? undefined : this.#other(service);
    const refresh = this.#issueRefreshToken(actor, other?.name ?? this.#parts.service, device);
    const issuedTo = refresh ? { kind: 'refresh-token' as const, id: refresh.id } : credential;
    const rights = this.#parts.rights.rightsOf(actor);
    const content = {
      name: actor.name,
      ...(account && issuedTo && { account, issuedTo }),
      scopes: other ? narrowForeign(rights, scopes, other) : narrowScopes(rights, scopes),
    };
    const issued = await this.#parts.tokens.issue(content, other?.name);
    return refresh ? { ...issued, refresh_token: refresh.secret } : issued;
  }

  /** For a password only: whatever else logs in is revoked one by one already, and may be limited. */
  #issueRefreshToken({ account, credential }: Actor, service: string, device: TokenWish['device']) {
    if (!device || credential?.kind !== 'password') return undefined;
    return this.#parts.refreshTokens.issue(account!, service, device);
  }

  #isOwn(asked: string | undefined): boolean {
    return asked === undefined || asked === '' || asked === this.#parts.service;
  }

  #other(asked: string | undefined): TokenService | undefined {
    return this.#parts.services.find(({ name }) => name === asked);
  }
}

/**
 * What is granted of scopes at another registry. Its repositories are those of our grants, below the prefix. Its catalog
 * shows all of them, whoever asks, so it is for those who may see all.
 */
function narrowForeign(rights: Rights, asked: readonly Scope[], { prefix }: TokenService): Scope[] {
  const inside = prefix === '' ? '' : `${prefix}/`;
  const repositories = asked
    .filter(({ type }) => type === 'repository')
    .map((scope) => ({ ...scope, name: `${inside}${scope.name}` }));
  const catalog = asked.filter(({ type }) => type === 'registry' && rights.admin && !rights.limit);
  return [
    ...narrowScopes(rights, repositories).map((scope) => ({
      ...scope,
      name: scope.name.slice(inside.length),
    })),
    ...narrowScopes(rights, catalog),
  ];
}
