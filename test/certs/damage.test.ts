import assert from 'node:assert/strict';
import { rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { type CertificateErrorCode, ensureCertificates } from '../../certs/index.ts';
import { assertSound, established, failsWith, NAMES, snapshot } from './support.ts';

// The order of writing is ca.key, ca.crt, server.key, server.crt; a crash may come after each.
for (const missing of [
  ['ca.crt', 'server.key', 'server.crt'],
  ['server.key', 'server.crt'],
  ['server.crt'],
]) {
  test(`a first start that was cut off before ${missing[0]} is completed by the next`, async (t) => {
    const directory = await established(t);
    const before = await snapshot(directory);
    for (const name of missing) await rm(join(directory, name));
    const ensured = await ensureCertificates({ directory, names: NAMES });
    assert.equal(ensured.created, missing.includes('ca.crt'));
    const after = await snapshot(directory);
    for (const name of Object.keys(before)) {
      if (!missing.includes(name)) assert.equal(after[name], before[name], name);
    }
    await assertSound(directory);
  });
}

test('a renewal that was cut off between key and certificate is completed by the next start', async (t) => {
  const directory = await established(t);
  const other = await established(t);
  const before = await snapshot(directory);
  const newKey = (await snapshot(other))['server.key']!;
  await writeFile(join(directory, 'server.key'), newKey);
  const ensured = await ensureCertificates({ directory, names: NAMES });
  assert.deepEqual([ensured.created, ensured.reissued, ensured.reason], [false, true, 'mismatch']);
  const after = await snapshot(directory);
  assert.equal(after['ca.crt'], before['ca.crt']);
  assert.equal(after['server.key'], newKey);
  await assertSound(directory);
});

for (const [what, reason, text] of [
  ['server.crt', 'unreadable', 'not a certificate'],
  ['server.key', 'mismatch', 'not a key'],
] as const) {
  test(`a damaged ${what} is made again`, async (t) => {
    const directory = await established(t);
    await writeFile(join(directory, what), text);
    assert.equal((await ensureCertificates({ directory, names: NAMES })).reason, reason);
    await assertSound(directory);
  });
}

test('a pair of another authority is issued again by ours', async (t) => {
  const directory = await established(t);
  const foreign = await snapshot(await established(t));
  await writeFile(join(directory, 'server.crt'), foreign['server.crt']!);
  await writeFile(join(directory, 'server.key'), foreign['server.key']!);
  assert.equal((await ensureCertificates({ directory, names: NAMES })).reason, 'foreign');
  await assertSound(directory);
});

test('an old temporary file goes, a young one stays', async (t) => {
  const directory = await established(t);
  const [old, young] = [join(directory, '.server.crt.00.tmp'), join(directory, '.server.crt.01.tmp')];
  await writeFile(old, '');
  await utimes(old, 0, 0);
  await writeFile(young, '');
  await ensureCertificates({ directory, names: NAMES });
  await assert.rejects(stat(old), { code: 'ENOENT' });
  await stat(young);
});

const spoiled: [title: string, code: CertificateErrorCode, spoil: (directory: string) => Promise<void>][] = [
  ['a damaged ca.crt', 'CA_UNREADABLE', (d) => writeFile(join(d, 'ca.crt'), 'damaged')],
  [
    'a ca.crt that is no authority',
    'CA_UNREADABLE',
    async (d) => writeFile(join(d, 'ca.crt'), (await snapshot(d))['server.crt']!),
  ],
  ['a damaged ca.key', 'CA_KEY_UNUSABLE', (d) => writeFile(join(d, 'ca.key'), 'damaged')],
  [
    "another authority's ca.key",
    'CA_KEY_UNUSABLE',
    async (d) => writeFile(join(d, 'ca.key'), (await snapshot(d))['server.key']!),
  ],
  ['ca.crt gone while its certificate serves', 'CA_MISSING', (d) => rm(join(d, 'ca.crt'))],
  [
    'ca.key and server.key gone',
    'CA_KEY_MISSING',
    async (d) => {
      await rm(join(d, 'ca.key'));
      await rm(join(d, 'server.key'));
    },
  ],
];

for (const [title, code, spoil] of spoiled) {
  test(`${title}: refused with ${code}, and nothing is changed`, async (t) => {
    const directory = await established(t);
    await spoil(directory);
    const before = await snapshot(directory);
    await assert.rejects(ensureCertificates({ directory, names: NAMES }), failsWith(code));
    assert.deepEqual(await snapshot(directory), before);
  });
}
