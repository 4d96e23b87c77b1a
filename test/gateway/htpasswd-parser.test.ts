import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { maxHtpasswdBytes, parseHtpasswd } from '../../gateway/identity/htpasswd-parser.ts';
import { temporaryDirectory } from '../support/files.ts';
import { findTool, missingTool } from '../support/tools.ts';

const hash = `$2y$05$${'a'.repeat(21)}.${'b'.repeat(31)}`;
const parse = (text: string | Uint8Array) =>
  parseHtpasswd(typeof text === 'string' ? Buffer.from(text) : text);
const faultOf = (line: string) => parse(`${line}\n`).faults[0]?.message;

test('lines, comments, empty lines, a byte order mark, CRLF, no newline at the end', () => {
  const text = `\ufeffalice:${hash}\r\n\r\n# bob:${hash}\r\n   \r\nci-1:${hash.replace('2y', '2b')}:a comment`;
  assert.deepEqual(parse(text), {
    entries: [
      { line: 1, name: 'alice', hash },
      { line: 5, name: 'ci-1', hash: hash.replace('2y', '2b') },
    ],
    faults: [],
  });
  assert.deepEqual(parse(''), { entries: [], faults: [] });
});

const secret = 'NotToBeSeen123';
const refused: readonly (readonly [string, RegExp])[] = [
  [`alice:$apr1$abcdefgh$${secret}`, /^the hash is not bcrypt but MD5 .*apr1.*htpasswd -B -C 12 FILE alice/],
  [`alice:{SHA}${secret}=`, /SHA-1/],
  [`alice:{SSHA}${secret}=`, /LDAP/],
  [`alice:$1$salt$${secret}`, /MD5 \(crypt\)/],
  [`alice:$5$salt$${secret}`, /SHA-256/],
  [`alice:$6$salt$${secret}`, /SHA-512/],
  [`alice:$y$j9T$salt$${secret}`, /yescrypt/],
  [`alice:$argon2id$v=19$${secret}`, /argon2/],
  [`alice:${hash.replace('2y', '2x')}`, /2x/],
  ['alice:rqXexS6ZhobKA', /crypt, or a password in plain text/],
  [`alice:${secret}`, /plain text/],
  ['alice:', /no hash/],
  [`alice:${hash.slice(0, 59)}`, /not whole/],
  [`alice:${hash} `, /not whole/],
  [`alice: ${hash}`, /plain text/],
  [`alice:${hash.replace('$05$', '$15$')}`, /cost 15 takes too long.*at most 14/],
  [`alice:${hash.replace('$05$', '$31$')}`, /cost 31/],
  [`alice:${hash.replace('$05$', '$03$')}`, /cost 3 is none/],
  [`alice:${hash.replace('$05$', '$5$')}`, /not whole/],
  [`Alice:${hash}`, /"Alice" is no user name here; rename it/],
  [`alice@example.com:${hash}`, /no user name/],
  [` alice:${hash}`, /no user name/],
  [`../alice:${hash}`, /no user name/],
  [`al\u00efce:${hash}`, /no user name/],
  [`${'a'.repeat(65)}:${hash}`, /no user name/],
  [`:${hash}`, /no user name/],
  [`anonymous:${hash}`, /rename/],
  [`authenticated:${hash}`, /rename/],
  ['alice', /no colon/],
  [`alice:${'x'.repeat(2000)}`, /over 1024 bytes/],
];

for (const [line, message] of refused) {
  test(`refused, with its line and nothing of the hash: ${line.slice(0, 40)}`, () => {
    const { entries, faults } = parse(`first:${hash}\n${line}\nlast:${hash}\n`);
    assert.deepEqual(
      entries.map(({ name }) => name),
      ['first', 'last'],
    );
    assert.equal(faults.length, 1);
    assert.equal(faults[0]!.line, 2);
    assert.match(faults[0]!.message, message);
    assert.doesNotMatch(JSON.stringify(faults), new RegExp(secret));
  });
}

test('costs from 4 to 14 and the kinds 2a, 2b and 2y are taken', () => {
  for (let cost = 4; cost <= 14; cost++) {
    for (const kind of ['2a', '2b', '2y']) {
      const line = `alice:${hash.replace('2y', kind).replace('05', String(cost).padStart(2, '0'))}`;
      assert.equal(faultOf(line), undefined, line);
    }
  }
});

test('of a name that comes twice no line is taken, and each tells of the others', () => {
  const { entries, faults } = parse(`alice:${hash}\nbob:${hash}\nalice:${hash}\nalice:${hash}\n`);
  assert.deepEqual(
    entries.map(({ name }) => name),
    ['bob'],
  );
  assert.deepEqual(
    faults.map(({ line, message }) => [line, message]),
    [
      [1, '"alice" also stands in lines 3, 4; leave the one that counts'],
      [3, '"alice" also stands in lines 1, 4; leave the one that counts'],
      [4, '"alice" also stands in lines 1, 3; leave the one that counts'],
    ],
  );
});

test('a line that is not UTF-8 is one fault', () => {
  const text = Buffer.concat([
    Buffer.from(`alice:${hash}\n`),
    Buffer.from([0xff, 0xfe, 0x0a]),
    Buffer.from(`bob:${hash}`),
  ]);
  const { entries, faults } = parse(text);
  assert.deepEqual([entries.length, faults.map(({ line }) => line)], [2, [2]]);
});

const name = fc.stringMatching(/^[a-z0-9]{1,8}([._-][a-z0-9]{1,8}){0,3}$/).filter((text) => {
  return text !== 'anonymous' && text !== 'authenticated';
});
const digits = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const coded = (length: number) =>
  fc
    .array(fc.constantFrom(...digits), { minLength: length, maxLength: length })
    .map((parts) => parts.join(''));
const bcrypt = fc
  .tuple(
    fc.constantFrom('2a', '2b', '2y'),
    fc.integer({ min: 4, max: 14 }),
    coded(21),
    fc.constantFrom('.', 'O', 'e', 'u'),
    coded(31),
  )
  .map(([kind, cost, ...rest]) => `$${kind}$${String(cost).padStart(2, '0')}$${rest.join('')}`);
const noise = fc.constantFrom('', '   ', '\t', '# a comment', '#alice:x');

test('whatever is written is read again: names, hashes and line numbers', () => {
  const users = fc.uniqueArray(fc.record({ name, hash: bcrypt }), {
    selector: (user) => user.name,
    maxLength: 20,
  });
  const layout = fc.record({ noise: fc.array(noise), newline: fc.constantFrom('\n', '\r\n') });
  fc.assert(
    fc.property(users, layout, fc.boolean(), (wanted, { noise: between, newline }, mark) => {
      const lines = wanted.flatMap((user, index) => [between[index] ?? '#', `${user.name}:${user.hash}`]);
      const { entries, faults } = parse(`${mark ? '\ufeff' : ''}${lines.join(newline)}`);
      assert.deepEqual(faults, []);
      assert.deepEqual(
        entries,
        wanted.map((user, index) => ({ line: 2 * index + 2, ...user })),
      );
    }),
  );
});

test('no bytes break it, and what it takes is a name with a whole hash', () => {
  const line = fc.oneof(
    fc.string(),
    fc.string().map((rest) => `alice:${rest}`),
    bcrypt,
  );
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.array(line).map((lines) => Buffer.from(lines.join('\n'))),
  );
  fc.assert(
    fc.property(bytes, (content) => {
      for (const entry of parse(content).entries) {
        assert.match(entry.name, /^[a-z0-9._-]{1,64}$/);
        assert.match(entry.hash, /^\$2[aby]\$(0[4-9]|1[0-4])\$[./A-Za-z0-9]{53}$/);
      }
    }),
  );
});

test('the largest file is read in one go', () => {
  const count = Math.floor(maxHtpasswdBytes / 76);
  const lines = Array.from({ length: count }, (_, index) => `user-${index}:${hash}`);
  assert.equal(parse(lines.join('\n')).entries.length, count);
});

test('what htpasswd writes: bcrypt is taken, its other kinds are refused', {
  skip: missingTool('htpasswd'),
}, async (t) => {
  const file = join(await temporaryDirectory(t, 'htpasswd'), 'users');
  const write = (...args: string[]) =>
    execFileSync(findTool('htpasswd')!, [...args.slice(0, 1), '-b', ...args.slice(1)], { stdio: 'pipe' });
  write('-c', '-B', file, 'alice', 'alice-password');
  write('-B', '-C', '4', file, 'bob', 'bob-password');
  write('-m', file, 'with-md5', secret);
  write('-s', file, 'with-sha', secret);
  write('-2', file, 'with-sha256', secret);
  write('-5', file, 'with-sha512', secret);
  write('-d', file, 'with-crypt', 'short');
  write('-p', file, 'in-plain', secret);
  const { entries, faults } = parse(readFileSync(file));
  assert.deepEqual(
    entries.map((entry) => [entry.name, entry.hash.slice(0, 7)]),
    [
      ['alice', '$2y$05$'],
      ['bob', '$2y$04$'],
    ],
  );
  assert.deepEqual(
    faults.map(({ line, name: of }) => [line, of]),
    [
      [3, 'with-md5'],
      [4, 'with-sha'],
      [5, 'with-sha256'],
      [6, 'with-sha512'],
      [7, 'with-crypt'],
      [8, 'in-plain'],
    ],
  );
});
