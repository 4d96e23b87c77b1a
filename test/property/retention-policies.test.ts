import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { matchesAnyTag } from '../../oci/tag-pattern.ts';
import { divideTags } from '../../registry-core/metadata/policies.ts';
import { formatPolicies, type RetentionPolicy, readPolicies } from '../../runtime/retention-policies.ts';

const durationMs = fc.integer({ min: 1, max: 36_500 }).map((days) => days * 86_400_000);
const patterns = fc.array(fc.constantFrom('v*', 'latest', '1.10', '*-rc*', '*', 'a'), { maxLength: 3 });

/** Good ones; `keep` only where it says something. */
const policy: fc.Arbitrary<Omit<RetentionPolicy, 'repositories'>> = fc
  .record(
    {
      untaggedMs: durationMs,
      keepLast: fc.integer({ min: 1, max: 1000 }),
      unusedMs: durationMs,
      keep: patterns,
      protected: patterns,
    },
    { requiredKeys: ['keep', 'protected'] },
  )
  .map(({ keep, ...rest }) => {
    const removes = rest.keepLast !== undefined || rest.unusedMs !== undefined;
    return { ...rest, keep: removes ? keep : [] };
  });

test('policies that are written out read as themselves', () => {
  fc.assert(
    fc.property(fc.array(policy, { maxLength: 5 }), (list) => {
      const policies = list.map((entry, index) => ({ repositories: `team-${index}/**`, ...entry }));
      assert.deepEqual(readPolicies(formatPolicies(policies)), { policies, faults: [] });
    }),
  );
});

test('no list of anything throws, and each fault lies in an entry', () => {
  const entry = fc.dictionary(
    fc.constantFrom('repositories', 'untagged', 'keep_last', 'keep', 'unused', 'protected', '__proto__', 'x'),
    fc.jsonValue(),
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(entry, fc.jsonValue()), { maxLength: 4 }), (list) => {
      const { policies, faults } = readPolicies(JSON.stringify(list));
      assert.equal(policies.length, list.length);
      for (const { at, expected } of faults) {
        const [, index = '-1'] = /^\[(\d+)\](?:\.|$)/.exec(at) ?? [];
        assert.ok(Number(index) >= 0 && Number(index) < list.length && expected.length > 0, at);
      }
    }),
    { numRuns: 1000 },
  );
});

test('of the tags that no pattern keeps the last N by push time are kept, no other', () => {
  const tags = fc.uniqueArray(
    fc.record({
      name: fc.constantFrom('v1', 'v2', 'latest', 'a', 'b', '1.10', 'x-rc1', 'x'),
      updatedAt: fc.integer({ min: 0, max: 4 }),
    }),
    { selector: ({ name }) => name },
  );
  fc.assert(
    fc.property(tags, policy, fc.integer({ min: 1, max: 4 }), (all, fields, keepLast) => {
      const { removable, kept } = divideTags(all, { repositories: 'a', ...fields, keepLast });
      const free = all.filter(({ name }) => !matchesAnyTag([...fields.keep, ...fields.protected], name));
      assert.equal(kept.length, Math.min(keepLast, free.length));
      assert.deepEqual(new Set([...kept, ...removable]), new Set(free));
      assert.equal(kept.length + removable.length, free.length);
      for (const { updatedAt } of removable) assert.ok(kept.every((tag) => tag.updatedAt >= updatedAt));
    }),
  );
});
