import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ConfigError, type ConfigSources, loadConfig } from '../../runtime/config.ts';
import { formatPolicies, readPolicies } from '../../runtime/retention-policies.ts';
import { temporaryDirectory } from '../support/files.ts';

const yaml = `
- repositories: team-a/**
  untagged: 30d
  keep_last: 10
  keep: ["v*", latest]
  unused: 90d
  protected: release-*
- repositories: "*"
`;
const policies = [
  {
    repositories: 'team-a/**',
    untaggedMs: 30 * 86_400_000,
    keepLast: 10,
    keep: ['v*', 'latest'],
    unusedMs: 90 * 86_400_000,
    protected: ['release-*'],
  },
  { repositories: '*', keep: [], protected: [] },
];

test('file, and the variable as YAML and as JSON, say the same', async (t) => {
  const file = join(await temporaryDirectory(t), 'gatehouse.yml');
  const indented = yaml.replaceAll('\n', '\n    ');
  for (const text of [`gc:\n  policies:${indented}`, `gc.policies: |${indented}`]) {
    writeFileSync(file, text);
    assert.deepEqual(loadConfig({ file, environment: {} }).config['gc.policies'], policies, text);
  }
  for (const text of [yaml, formatPolicies(policies)]) {
    const environment = { GATEHOUSE_GC_POLICIES: text };
    assert.deepEqual(loadConfig({ environment }).config['gc.policies'], policies, text);
  }
});

test('nothing is an empty list, and a list is frozen to its ends', () => {
  for (const text of ['', '[]', '# none']) assert.deepEqual(readPolicies(text).policies, [], text);
  const { policies: read } = readPolicies(yaml);
  assert.ok([read, read[0], read[0]!.keep, read[0]!.protected].every(Object.isFrozen));
});

const patterns = 'a list of tag patterns such as "v*", in quotes where they look like numbers';

/** [policies, where the faults are] */
const faulty: readonly (readonly [string, readonly string[]])[] = [
  ['{ repositories: a }', ['']],
  ['all', ['']],
  ['[{ repositories: a', ['']],
  ['[1, [], null, a]', ['[0]', '[1]', '[2]', '[3]']],
  ['[{}]', ['[0].repositories']],
  ['[{ repositories: A }, { repositories: "a/**/b" }]', ['[0].repositories', '[1].repositories']],
  ['[{ repositories: 5 }]', ['[0].repositories']],
  ['[{ repositories: a, keeplast: 1, toString: 1 }]', ['[0].keeplast', '[0].toString']],
  ['[{ repositories: a, untagged: soon, unused: 59s }]', ['[0].untagged', '[0].unused']],
  ['[{ repositories: a, unused: 0 }]', ['[0].unused']],
  ['[{ repositories: a, untagged: 36501d, unused: [1d] }]', ['[0].untagged']],
  ['[{ repositories: a, keep_last: -1 }]', ['[0].keep_last']],
  ['[{ repositories: a, keep_last: 1.5 }]', ['[0].keep_last']],
  ['[{ repositories: a, keep_last: 1001 }]', ['[0].keep_last']],
  ['[{ repositories: a, keep_last: ten }]', ['[0].keep_last']],
  ['[{ repositories: a, keep_last: 0 }]', ['[0].keep_last']],
  ['[{ repositories: a, keep_last: 1, keep: [1.10] }]', ['[0].keep']],
  ['[{ repositories: a, protected: ["a b", ".x"] }]', ['[0].protected']],
  ['[{ repositories: a, protected: { a: 1 } }]', ['[0].protected']],
  ['[{ repositories: a, keep: [v1] }]', ['[0].keep']],
  ['[{ repositories: a }, { repositories: a }]', ['[1].repositories']],
  ['[{ repositories: "**" }, { repositories: "b/*" }]', ['[1].repositories']],
  ['[{ repositories: "b/*" }, { repositories: b/c }]', ['[1].repositories']],
];

for (const [text, places] of faulty) {
  test(`the policies ${text} are at fault`, () => {
    const { faults } = readPolicies(text);
    assert.deepEqual(
      faults.map(({ at }) => at),
      places,
    );
  });
}

/** What may look wrong, and is not. */
for (const text of [
  '[{ repositories: a, keep_last: 0, unused: 1m }]',
  '[{ repositories: a, untagged: 0 }]',
  '[{ repositories: a, keep_last: "3", protected: "1.10" }]',
  '[{ repositories: b/c }, { repositories: "b/*" }, { repositories: "**" }]',
  '[{ repositories: a, keep: , unused: }]',
]) {
  test(`the policies ${text} are good`, () => assert.deepEqual(readPolicies(text).faults, []));
}

test('all faults come together, beside those of other settings, each by its place', () => {
  const flags = { 'gc.policies': '[{ repositories: a, keep: [5], more: x }, {}]', 'gc.lease': 'soon' };
  assert.deepEqual(faultsOf({ environment: {}, flags }), [
    {
      key: '--gc.lease',
      value: 'soon',
      expected: 'a duration such as 90s, 15m, 24h or 7d, from 2s to 36500d',
    },
    {
      key: '--gc.policies[0].more',
      value: 'x',
      expected: 'a known field: repositories, untagged, keep_last, keep, unused, protected',
    },
    { key: '--gc.policies[0].keep', value: '[5]', expected: patterns },
    {
      key: '--gc.policies[1].repositories',
      value: '',
      expected: 'a pattern of repositories such as team-a/** or team-a/app',
    },
  ]);
  const [fault] = faultsOf({ environment: { GATEHOUSE_GC_POLICIES: '[{ repositories: a, keep_last: 0 }]' } });
  assert.equal(fault?.key, 'GATEHOUSE_GC_POLICIES[0].keep_last');
});

function faultsOf(sources: ConfigSources) {
  try {
    loadConfig(sources);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

test('the example in docs/garbage-collection.md is a good one, and shows every field', async (t) => {
  const page = readFileSync(new URL('../../docs/garbage-collection.md', import.meta.url), 'utf8');
  const [, text = ''] = /## Policies[\s\S]*?```yaml\n([\s\S]*?)```/.exec(page) ?? [];
  const file = join(await temporaryDirectory(t), 'gatehouse.yml');
  writeFileSync(file, text);
  const [first] = loadConfig({ file, environment: {} }).config['gc.policies'];
  assert.deepEqual(Object.keys(first!), Object.keys(policies[0]!));
});
