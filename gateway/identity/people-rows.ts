import type { RepositoryRight } from '../../runtime/repository-rights.ts';
import type { PersonalToken } from './personal-token-store.ts';
import type { Robot } from './robot-store.ts';

/** When a credential was last used, and from where; null: never, or nobody wrote it down. */
export interface Use {
  /** RFC 3339. */
  lastUsedAt: string | null;
  lastUsedFrom: string | null;
}

export interface TeamRow {
  name: string;
  members: string[];
  /** RFC 3339. */
  createdAt: string;
}

export interface TokenRow extends Use {
  id: string;
  user: string;
  name: string;
  /** What it is limited to; null: nothing. */
  rights: RepositoryRight[] | null;
  /** RFC 3339. */
  createdAt: string;
  /** RFC 3339; null: never. */
  expiresAt: string | null;
}

export interface RobotRow extends Use {
  /** Its login name. */
  name: string;
  owner: string;
  description: string;
  enabled: boolean;
  /** What it is limited to; null: nothing. */
  rights: RepositoryRight[] | null;
  /** Of the secret that it has now. */
  secretId: string;
  /** RFC 3339. */
  createdAt: string;
  /** RFC 3339; null: never. */
  expiresAt: string | null;
}

/** Reads the last uses of credentials, by kind and id (`personal-token:ID`). */
export type ReadUses = (
  credentials: readonly string[],
) => ReadonlyMap<string, { at: number; address: string }>;

export function tokenRows(tokens: readonly PersonalToken[], readUses: ReadUses): TokenRow[] {
  const key = ({ id }: PersonalToken) => `personal-token:${id}`;
  const uses = readUses(tokens.map(key));
  return tokens.map((token) => ({
    id: token.id,
    user: token.user,
    name: token.name,
    rights: token.limit ?? null,
    createdAt: timeText(token.createdAt)!,
    expiresAt: timeText(token.expiresAt),
    ...useOf(uses.get(key(token))),
  }));
}

export function robotRows(robots: readonly Robot[], readUses: ReadUses): RobotRow[] {
  const key = ({ secretId }: Robot) => `robot-secret:${secretId}`;
  const uses = readUses(robots.map(key));
  return robots.map((robot) => ({
    name: robot.name,
    owner: robot.owner,
    description: robot.description,
    enabled: robot.enabled,
    rights: robot.limit ?? null,
    secretId: robot.secretId,
    createdAt: timeText(robot.createdAt)!,
    expiresAt: timeText(robot.expiresAt),
    ...useOf(uses.get(key(robot))),
  }));
}

export function useOf(use: { at: number; address: string } | undefined): Use {
  return { lastUsedAt: timeText(use?.at ?? null), lastUsedFrom: use?.address ?? null };
}

export function timeText(milliseconds: number | null): string | null {
  return milliseconds === null ? null : new Date(milliseconds).toISOString();
}
