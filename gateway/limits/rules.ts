import { matchesPattern } from '../../oci/repository-pattern.ts';
import type { BudgetName, BudgetValues } from '../../runtime/budgets.ts';
import type { Config } from '../../runtime/config-schema.ts';
import type { LimitOverride } from '../../runtime/limit-overrides.ts';
import { networkCheck } from '../proxied/networks.ts';
import { addressKey } from './address-key.ts';

/** Whose budget it is. */
export interface Client {
  address: string;
  /** undefined: without an account, so the address stands for it. */
  account: string | undefined;
}

/** A budget that somebody has. */
export interface Budget<Name extends BudgetName> {
  name: Name;
  limit: NonNullable<BudgetValues[Name]>;
  kind: 'account' | 'address';
  /** The account's name, the IPv4 address, or the IPv6 network. */
  who: string;
  key: string;
}

/** @returns undefined where there is no limit. */
export type BudgetFinder = <Name extends BudgetName>(
  name: Name,
  client: Client,
  repository?: string,
) => Budget<Name> | undefined;

/** Which budget applies: that of the first rule that covers the request, else the setting. */
export function openRules(config: Config): BudgetFinder {
  const rules = config['limits.overrides'].map((rule, index) => ({ ...compile(rule), number: index + 1 }));
  return (name, client, repository) => {
    const rule = rules.find(
      ({ budgets, covers }) => budgets[name] !== undefined && covers(client, repository),
    );
    const limit = rule ? rule.budgets[name] : defaultLimit(config, name, client);
    if (limit === null || limit === undefined) return undefined;
    const kind = client.account === undefined ? 'address' : 'account';
    const who = client.account ?? addressKey(client.address);
    return { name, limit, kind, who, key: budgetKey(name, rule?.number ?? 0, kind, who) };
  };
}

/** One key for a budget, readable for `report.ts`; none of its parts has a space. */
export function budgetKey(name: string, rule: number, kind: string, who: string): string {
  return `${name} ${rule} ${kind} ${who}`;
}

function defaultLimit<Name extends BudgetName>(
  config: Config,
  name: Name,
  { account }: Client,
): BudgetValues[Name] {
  const kind = account === undefined || name === 'connections' ? 'address' : 'account';
  const settings = config as unknown as Record<string, BudgetValues[Name]>;
  return settings[`limits.${kind}_${name}`]!;
}

function compile({ accounts, addresses, repositories, budgets }: LimitOverride) {
  const isListed = addresses && networkCheck(addresses);
  return {
    budgets,
    covers: ({ account, address }: Client, repository: string | undefined) =>
      (!accounts || (account !== undefined && accounts.some((name) => matchesName(name, account)))) &&
      (!isListed || isListed(address)) &&
      (!repositories ||
        (repository !== undefined && repositories.some((pattern) => matchesPattern(pattern, repository)))),
  };
}

function matchesName(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}
