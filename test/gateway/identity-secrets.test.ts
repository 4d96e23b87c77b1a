import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  hashSecret,
  looksLikeSecret,
  makeSecret,
  publicId,
  secretKind,
} from '../../gateway/identity/secret-format.ts';
import { blankSecrets } from '../../runtime/secrets.ts';

const kinds = ['refresh-token', 'personal-token', 'robot-secret'] as const;

test('a secret tells its kind, and no two are the same', () => {
  const made = kinds.flatMap((kind) => Array.from({ length: 200 }, () => ({ kind, text: makeSecret(kind) })));
  for (const { kind, text } of made) {
    assert.match(text, /^gatehouse_(refresh|pat|robot)_[0-9A-Za-z]{47}$/);
    assert.equal(secretKind(text), kind);
  }
  assert.equal(new Set(made.map(({ text }) => hashSecret(text))).size, made.length);
});

test('a mistyped, cut or lengthened secret is none', () => {
  const secret = makeSecret('refresh-token');
  const flip = (at: number) => secret.slice(0, at) + (secret[at] === 'a' ? 'b' : 'a') + secret.slice(at + 1);
  for (let at = 0; at < secret.length; at++) assert.equal(secretKind(flip(at)), undefined, String(at));
  for (const text of [
    secret.slice(0, -1),
    `${secret}0`,
    ` ${secret}`,
    `${secret}\n`,
    '',
    'gatehouse_refresh_',
  ]) {
    assert.equal(secretKind(text), undefined, text);
  }
});

test('the prefix of one kind does not make another', () => {
  assert.equal(secretKind(makeSecret('refresh-token').replace('_refresh_', '_pat_')), undefined);
});

test('what we made is blanked in logs and error bodies', () => {
  for (const kind of kinds) {
    assert.equal(blankSecrets(`of ${makeSecret(kind)}, and so on`), 'of [secret], and so on');
    assert.doesNotMatch(blankSecrets(`/v2/${makeSecret(kind)}/tags`), /gatehouse_/);
  }
});

test('a secret begins, after its prefix, with the id that may be shown', () => {
  for (const kind of kinds) {
    const secret = makeSecret(kind);
    assert.match(publicId(secret), /^[0-9A-Za-z]{12}$/);
    assert.ok(secret.includes(`_${publicId(secret)}`));
    assert.ok(looksLikeSecret(secret) && looksLikeSecret(secret.slice(0, 20)));
  }
  assert.ok(!looksLikeSecret('correct horse battery'));
});
