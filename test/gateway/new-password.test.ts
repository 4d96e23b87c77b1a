import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkNewPassword } from '../../gateway/identity/new-password.ts';
import { openBoth } from './identity-fixture.ts';

const hostnames = ['registry.example.com', 'images'];
const check = (password: string) => checkNewPassword('alice', password, hostnames);

for (const password of [
  'password1',
  'PassWord1',
  '12345678',
  'iloveyou',
  'qwertyuiop',
  'trustno1',
  'changeme',
]) {
  test(`refused as common: ${password}`, async () => {
    await assert.rejects(check(password), { name: 'AdminError', code: 'PASSWORD_COMMON' });
  });
}

const guessable = [
  'alice2026!',
  'ALICE-alice',
  '!!!alice!!!',
  'gatehouse-registry',
  'alice@gatehouse',
  'registry.example.com',
  'images-2026',
];
for (const password of guessable) {
  test(`refused as made of known words: ${password}`, async () => {
    await assert.rejects(check(password), {
      code: 'PASSWORD_COMMON',
      message: /name of the user or of this/,
    });
  });
}

for (const password of [
  'correct horse battery',
  'alice in wonderland',
  '83920174651',
  'pässwört-ünd-mehr',
  'x'.repeat(72),
]) {
  test(`taken: ${password.slice(0, 30)}`, () => check(password));
}

test('length is that of bytes in UTF-8; NUL and other controls are refused, nothing is cut', async () => {
  await check('ä'.repeat(36));
  await assert.rejects(check(`${'ä'.repeat(36)}x`), { code: 'PASSWORD_TOO_LONG', message: /73 bytes/ });
  await assert.rejects(check('\u{1f511}'.repeat(19)), { code: 'PASSWORD_TOO_LONG' });
  await assert.rejects(check('long enough\0 and more'), { code: 'PASSWORD_INVALID' });
  await assert.rejects(check('long enough\u0085'), { code: 'PASSWORD_INVALID' });
  await assert.rejects(check('\ud800 lone surrogate'), { code: 'PASSWORD_INVALID' });
  await assert.rejects(check('short'), { code: 'PASSWORD_TOO_SHORT' });
  await assert.rejects(check('\u{1f511}'.repeat(7)), { code: 'PASSWORD_TOO_SHORT' });
});

test('adding a user and setting a password both ask', async (t) => {
  const { admin } = await openBoth(t);
  await assert.rejects(admin.addUser('bob', 'bob-12345'), { code: 'PASSWORD_COMMON' });
  await admin.addUser('bob', 'bobs-own-password');
  await assert.rejects(admin.setPassword('bob', 'password123'), { code: 'PASSWORD_COMMON' });
});

test('the first administrator gets no common password either', async (t) => {
  const { admin } = await openBoth(t);
  await assert.rejects(
    admin.ensureFirstAdmin(() => 'admin-1234'),
    { code: 'PASSWORD_COMMON' },
  );
});
