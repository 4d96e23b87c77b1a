import { matchesPattern } from '../oci/repository-pattern.ts';
import { formatDuration } from './duration.ts';
import { PolicyFields } from './policy-fields.ts';
import { listOf, type ValueFault } from './value-fault.ts';

/** What is kept in the repositories of a pattern. Of several that cover a repository the first counts, alone. */
export interface RetentionPolicy {
  /** A pattern of `oci/repository-pattern.ts`. */
  repositories: string;
  /** How long an untagged manifest is kept; absent: `gc.untagged`. */
  untaggedMs?: number;
  /** So many tags, those pushed last, stay. Tags that `keep` or `protected` cover do not count among them. */
  keepLast?: number;
  /** Patterns of tags that stay. */
  keep: readonly string[];
  /** Only tags that were neither pushed nor pulled for so long go. */
  unusedMs?: number;
  /** Patterns of tags that can neither be moved to another manifest nor be deleted, by anybody. */
  protected: readonly string[];
}

/** Reads `gc.policies`, a list in YAML or JSON; nothing is an empty list. All faults are found at once. */
export function readPolicies(text: string): { policies: readonly RetentionPolicy[]; faults: ValueFault[] } {
  const faults: ValueFault[] = [];
  const entries = listOf('policies', text, faults);
  const policies = entries.map((entry, index) => readPolicy(new PolicyFields(entry, `[${index}]`, faults)));
  policies.forEach((policy, index) => {
    const hidden = policies.slice(0, index).some((earlier) => covers(earlier, policy));
    const expected = 'a pattern that no earlier policy covers, since the first that matches counts';
    if (hidden) faults.push({ at: `[${index}].repositories`, value: policy.repositories, expected });
  });
  return { policies: Object.freeze(policies), faults };
}

/** As JSON, which is YAML: the list that reads as these policies. */
export function formatPolicies(policies: readonly RetentionPolicy[]): string {
  const entries = policies.map(
    ({ repositories, untaggedMs, keepLast, keep, unusedMs, protected: fixed }) => ({
      repositories,
      untagged: untaggedMs === undefined ? undefined : formatDuration(untaggedMs),
      keep_last: keepLast,
      keep: keep.length > 0 ? keep : undefined,
      unused: unusedMs === undefined ? undefined : formatDuration(unusedMs),
      protected: fixed.length > 0 ? fixed : undefined,
    }),
  );
  return JSON.stringify(entries);
}

function readPolicy(fields: PolicyFields): RetentionPolicy {
  const untaggedMs = fields.duration('untagged', '0');
  const keepLast = fields.count('keep_last');
  const unusedMs = fields.duration('unused', '1m');
  const policy: RetentionPolicy = {
    repositories: fields.pattern('repositories'),
    ...(untaggedMs === undefined ? {} : { untaggedMs }),
    ...(keepLast === undefined ? {} : { keepLast }),
    keep: fields.tagPatterns('keep'),
    ...(unusedMs === undefined ? {} : { unusedMs }),
    protected: fields.tagPatterns('protected'),
  };
  if (keepLast === 0 && !fields.has('unused')) {
    fields.refuse('keep_last', 'at least 1 without unused, since 0 would delete every tag');
  }
  if (policy.keep.length > 0 && !fields.has('unused') && !fields.has('keep_last')) {
    fields.refuse('keep', 'keep_last or unused beside it, since without them no tag is deleted at all');
  }
  return Object.freeze(policy);
}

/** Whether nothing is left for the later one. Only what is plain: the same pattern, all, or one repository. */
function covers(earlier: RetentionPolicy, later: RetentionPolicy): boolean {
  if (earlier.repositories === '' || later.repositories === '') return false;
  if ([later.repositories, '**'].includes(earlier.repositories)) return true;
  return !later.repositories.includes('*') && matchesPattern(earlier.repositories, later.repositories);
}
