import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseScopes } from '../../gateway/identity/index.ts';
import { formatScopes } from '../../gateway/identity/scopes.ts';
import { OciError } from '../../oci/errors.ts';

const repository = (name: string, ...actions: string[]) => ({ type: 'repository', name, actions });

const accepted: [texts: string[], scopes: object[]][] = [
  [[], []],
  [[''], []],
  [['repository:team/app:pull'], [repository('team/app', 'pull')]],
  [['repository:team/app:pull,push'], [repository('team/app', 'pull', 'push')]],
  [['repository:a:pull repository:b:push'], [repository('a', 'pull'), repository('b', 'push')]],
  [['repository:a:pull', 'repository:a:push,pull'], [repository('a', 'pull', 'push')]],
  [['repository(plugin):a/b:*'], [repository('a/b', '*')]],
  [['registry:catalog:*'], [{ type: 'registry', name: 'catalog', actions: ['*'] }]],
  [['other:thing:do'], [{ type: 'other', name: 'thing', actions: ['do'] }]],
];
for (const [texts, scopes] of accepted) {
  test(`scope ${JSON.stringify(texts)} is read`, () => assert.deepEqual(parseScopes(texts), scopes));
}

const refused = [
  'repository',
  'repository:a',
  'repository:a:',
  'repository::pull',
  ':a:pull',
  'repository:a:pull,',
  'repository:a:PULL',
  'repository:A/b:pull',
  'repository:a/../b:pull',
  'repository:a%2fb:pull',
  'repository:**:pull',
  'repository:host:5000/a:pull',
  'repository:a:pull\trepository:b:pull',
  'repository:a:pull\n',
  `repository:${'a'.repeat(256)}:pull`,
  Array.from({ length: 33 }, (_, index) => `repository:r${index}:pull`).join(' '),
];
for (const text of refused) {
  test(`scope ${JSON.stringify(text.slice(0, 60))} is refused`, () => {
    assert.throws(() => parseScopes([text]), { code: 'PARAMETER_INVALID', status: 400 });
  });
}

test('whatever is given, scopes are read or refused, and what is read can be written', () => {
  const piece = fc.constantFrom(
    'repository',
    'registry',
    ':',
    ',',
    ' ',
    '*',
    'pull',
    'a/b',
    '(plugin)',
    '\u0000',
  );
  const nearly = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));
  const text = fc.oneof(nearly, fc.string({ unit: 'binary', maxLength: 60 }));
  fc.assert(
    fc.property(fc.array(text, { maxLength: 4 }), (texts) => {
      try {
        const scopes = parseScopes(texts);
        assert.deepEqual(parseScopes([formatScopes(scopes)]), scopes);
      } catch (error) {
        assert.ok(error instanceof OciError, String(error));
        assert.equal(error.code, 'PARAMETER_INVALID');
      }
    }),
    { numRuns: 2000 },
  );
});
