import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { templateGrants } from '../../gateway/identity/template-grants.ts';
import { isPattern, matchesPattern } from '../../oci/repository-pattern.ts';
import { formatRights, isTemplate, parseRights, repositoryActions } from '../../runtime/repository-rights.ts';
import { anyText } from './support.ts';

const pattern = fc.constantFrom('**', '*', 'a/**', 'a/*', '*/base', 'a.b/c_d', 'team-*/x/**');
const right = fc.record(
  { pattern, actions: fc.subarray([...repositoryActions], { minLength: 1 }) },
  { noNullPrototype: true },
);

test('rights: any text is some or none, and what is written is read to the same', () => {
  fc.assert(
    fc.property(fc.oneof(anyText, fc.stringMatching(/^[a*/=,; pul{}]{0,20}$/)), (text) => {
      for (const { pattern: of, actions } of parseRights(text) ?? [])
        assert.ok(isPattern(of) && actions.length > 0);
    }),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(fc.uniqueArray(right, { minLength: 1, selector: (each) => each.pattern }), (rights) => {
      const text = formatRights(rights);
      assert.deepEqual(parseRights(text), rights);
      assert.deepEqual(parseRights(text.replaceAll(' ', ',')), rights);
    }),
  );
});

test('rights of every repository, and what are none', () => {
  assert.deepEqual(parseRights('pull'), [{ pattern: '**', actions: ['pull'] }]);
  assert.deepEqual(parseRights('a=push, pull;a=delete'), [
    { pattern: 'a', actions: ['pull', 'push', 'delete'] },
  ]);
  for (const text of [
    '',
    ' ',
    ',',
    'fly',
    'a',
    'a=',
    'a==pull',
    'a=pull=push',
    '=pull',
    'A=pull',
    'a/../b=pull',
    '*=all',
  ]) {
    assert.equal(parseRights(text), undefined, text);
  }
});

test('templates have one placeholder, as a whole part', () => {
  for (const good of ['{user}/**', 'home/{user}', 'x/{team}/*/base']) assert.ok(isTemplate(good), good);
  const bad = [
    'a/**',
    '{user}*/**',
    '{user}-x/**',
    'x-{user}',
    '{user}/{team}/**',
    '{user}/{user}',
    '{User}/**',
    '{robot}/**',
    '**/{user}',
    '',
  ];
  for (const text of bad) assert.ok(!isTemplate(text), text);
});

test('no name reaches beyond its own part of a template, whatever is in it', () => {
  const templates = ['{user}/**', 'home/{user}/*'].map((of) => ({ pattern: of, actions: ['pull' as const] }));
  const tricks = [
    '*',
    '**',
    'a*',
    '..',
    'a/b',
    '',
    '{user}',
    '{team}',
    'A',
    '\u0430',
    'a\n',
    '$&',
    '$`',
    'robot+ci',
    '-a',
  ];
  for (const name of tricks) assert.deepEqual(templateGrants(templates, { kind: 'user', name }), [], name);
  const others = ['b/x', 'ab/x', 'home/b/x', 'home/ab/x', 'a', 'home/a', 'home/a/x/y'];
  fc.assert(
    fc.property(fc.oneof(anyText, fc.stringMatching(/^[ab*./$-]{0,4}$/)), (name) => {
      for (const { pattern: of } of templateGrants(templates, { kind: 'user', name })) {
        assert.ok(isPattern(of));
        const reached = others.filter((repository) => matchesPattern(of, repository));
        for (const repository of reached)
          assert.ok(repository.split('/').includes(name), `${name}: ${repository}`);
      }
    }),
    { numRuns: 2000 },
  );
  assert.deepEqual(
    templateGrants(templates, { kind: 'user', name: 'a' }).map((grant) => grant.pattern),
    ['a/**', 'home/a/*'],
  );
  assert.deepEqual(templateGrants(templates, { kind: 'team', name: 'a' }), []);
});
