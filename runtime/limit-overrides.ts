import { isPattern } from '../oci/repository-pattern.ts';
import { type BudgetName, type BudgetValues, budgetNames, budgetTypes } from './budgets.ts';
import { isNetwork } from './settings/values.ts';
import { listOf, type ValueFault } from './value-fault.ts';

/** Other budgets for some. A rule covers a request that all of what it names covers; the first that has the budget counts. */
export interface LimitOverride {
  /** Names of users and robots; one that ends in `*` stands for all that begin so. */
  accounts?: readonly string[];
  /** Addresses and networks. */
  addresses?: readonly string[];
  /** Patterns of `oci/repository-pattern.ts`. What is counted under a rule with them is counted apart. */
  repositories?: readonly string[];
  budgets: Readonly<Partial<BudgetValues>>;
}

const subjectNames = ['accounts', 'addresses', 'repositories'] as const;
const knownNames: readonly string[] = [...subjectNames, ...budgetNames];

const subjects: Record<(typeof subjectNames)[number], { expected: string; valid(text: string): boolean }> = {
  accounts: {
    expected: 'names of accounts, with * at the end for all that begin so',
    valid: (text) => /^[a-z0-9$+._-]{1,255}\*?$|^\*$/.test(text),
  },
  addresses: { expected: 'addresses or networks such as 10.0.0.0/8', valid: isNetwork },
  repositories: { expected: 'patterns of repositories such as team-a/** or team-a/app', valid: isPattern },
};

/** Of which a repository is known, and which there is one of at a time. */
const withoutRepository: readonly BudgetName[] = ['tokens', 'connections'];

/** Reads `limits.overrides`, a list in YAML or JSON; nothing is an empty list. All faults are found at once. */
export function readOverrides(text: string): { overrides: readonly LimitOverride[]; faults: ValueFault[] } {
  const faults: ValueFault[] = [];
  const overrides = listOf('rules', text, faults).map((entry, index) =>
    readOverride(entry, `[${index}]`, faults),
  );
  return { overrides: Object.freeze(overrides), faults };
}

/** As JSON, which is YAML: the list that reads as these rules. */
export function formatOverrides(overrides: readonly LimitOverride[]): string {
  const entries = overrides.map(({ budgets, ...named }) => {
    const texts = budgetNames
      .filter((name) => budgets[name] !== undefined)
      .map((name) => [name, budgetTypes[name].format(budgets[name] as never)]);
    return { ...named, ...Object.fromEntries(texts) };
  });
  return JSON.stringify(entries);
}

function readOverride(entry: unknown, at: string, faults: ValueFault[]): LimitOverride {
  const isMap = typeof entry === 'object' && entry !== null && !Array.isArray(entry);
  const fields = isMap ? (entry as Record<string, unknown>) : {};
  const refuse = (name: string, value: unknown, expected: string) =>
    faults.push({ at: name === '' ? at : `${at}.${name}`, value: textOf(value), expected });
  if (!isMap) refuse('', entry, `a map of ${knownNames.join(', ')}`);
  for (const name of Object.keys(fields)) {
    if (!knownNames.includes(name)) refuse(name, fields[name], `a known field: ${knownNames.join(', ')}`);
  }
  const named: Partial<Record<string, readonly string[]>> = {};
  for (const name of subjectNames) {
    if (fields[name] == null) continue;
    const list = [fields[name]].flat();
    const { expected, valid } = subjects[name];
    if (list.length > 0 && list.every((text) => typeof text === 'string' && valid(text)))
      named[name] = Object.freeze(list as string[]);
    else refuse(name, fields[name], expected);
  }
  const budgets: Partial<Record<BudgetName, unknown>> = {};
  for (const name of budgetNames) {
    if (fields[name] == null) continue;
    // YAML reads `off` as a text and `20` as a number.
    const value = fields[name] === false ? null : budgetTypes[name].parse(String(fields[name]));
    if (value === undefined) refuse(name, fields[name], budgetTypes[name].expected);
    else budgets[name] = value;
  }
  if (isMap && subjectNames.every((name) => fields[name] == null)) {
    refuse('', entry, 'whom it is for: accounts, addresses or repositories');
  }
  if (isMap && budgetNames.every((name) => fields[name] == null)) {
    refuse('', entry, `a budget: ${budgetNames.join(', ')}`);
  }
  for (const name of withoutRepository) {
    if (fields[name] != null && fields['repositories'] != null)
      refuse(name, fields[name], 'a rule without repositories, since it is not of one');
  }
  if (fields['connections'] != null && fields['accounts'] != null) {
    refuse('connections', fields['connections'], 'a rule without accounts, since a connection has none yet');
  }
  return Object.freeze({ ...named, budgets: Object.freeze(budgets as Partial<BudgetValues>) });
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}
