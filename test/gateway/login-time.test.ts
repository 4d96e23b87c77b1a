import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { hashSync } from 'bcryptjs';
import type { HtpasswdSource } from '../../gateway/identity/htpasswd-file.ts';
import { LoginWork } from '../../gateway/identity/login-work.ts';
import { PasswordPool } from '../../gateway/identity/password-pool.ts';
import { PasswordStore } from '../../gateway/identity/password-store.ts';
import { openUsersDatabase } from '../../gateway/identity/users-database.ts';
import { temporaryDirectory } from '../support/files.ts';
import { as, request } from '../support/http.ts';
import { rankTest } from '../support/rank-test.ts';
import { onEnd, type Scope } from '../support/scope.ts';
import { startGateway } from './support.ts';

type Try = (index: number) => Promise<unknown>;

/** Milliseconds of each, in turn, the one that comes first changing. */
async function interleaved(one: Try, other: Try, count: number): Promise<[number[], number[]]> {
  const times: [number[], number[]] = [[], []];
  const take = async (which: 0 | 1, index: number) => {
    const started = performance.now();
    await [one, other][which]!(index);
    times[which].push(performance.now() - started);
  };
  for (let index = 0; index < count; index++) {
    await take(index % 2 === 0 ? 0 : 1, index);
    await take(index % 2 === 0 ? 1 : 0, index);
  }
  return times;
}

/** Whether 300 tries of each are told apart at p < 0.001, three times running. */
async function areToldApart(one: Try, other: Try): Promise<boolean> {
  for (let round = 0; round < 3; round++) {
    const [ofOne, ofOther] = await interleaved(one, other, 300);
    if (rankTest(ofOne, ofOther) >= 0.001) return false;
  }
  return true;
}

test('the rank test tells what differs from what does not', () => {
  const numbers = (count: number, from: number) => Array.from({ length: count }, (_, index) => from + index);
  assert.ok(rankTest(numbers(300, 0), numbers(300, 60)) < 1e-6);
  assert.ok(rankTest(numbers(300, 0), numbers(300, 1)) > 0.5);
  assert.equal(rankTest([1, 1, 1], [1, 1, 1]), 1);
  // From tables: U = 2 of 5 and 5 is p = 0.032 exactly, 0.028 by this approximation.
  const small = rankTest([1, 2, 3, 4, 7], [5, 6, 8, 9, 10]);
  assert.ok(small > 0.02 && small < 0.04, `${small}`);
});

const costs = [4, 5, 6];

/** Passwords of these costs, without a server around them, where the smallest difference would show. */
async function openWork(scope: Scope) {
  const hashes = new Map(costs.map((cost) => [`user-${cost}`, hashSync(`password ${cost}`, cost)]));
  const htpasswd: HtpasswdSource = {
    path: 'users',
    version: () => 1,
    hashOf: (name) => hashes.get(name),
    names: () => hashes.keys(),
  };
  const database = openUsersDatabase(join(await temporaryDirectory(scope, 'work'), 'users.db'));
  onEnd(scope, () => database.close());
  const work = new LoginWork(new PasswordStore(database, htpasswd), 6);
  const pool = new PasswordPool({ threads: 1 });
  onEnd(scope, () => pool.close());
  const attempt = (name: string, isPadded: boolean) => {
    const { hash, padToCost } = work.of(name, hashes.get(name));
    return pool.compare('some-password', hash, { padToCost: isPadded ? padToCost : 0, isRefused: true });
  };
  return { work, attempt };
}

test('a failed comparison takes the same for every cost and for a name without a password', async (t) => {
  const { attempt } = await openWork(t);
  const known: Try = (index) => attempt(`user-${costs[index % 3]}`, true);
  const unknown: Try = (index) => attempt(`nobody-${index % 50}`, true);
  assert.equal(await areToldApart(known, unknown), false);
});

test('without the padding it would be seen', async (t) => {
  const { attempt } = await openWork(t);
  const cheap: Try = () => attempt('user-4', false);
  const dear: Try = () => attempt('user-6', false);
  assert.equal(await areToldApart(cheap, dear), true);
});

test('a name without a password is drawn a cost, always the same, as often as it is stored', async (t) => {
  const { work } = await openWork(t);
  const drawn = new Map<string, number>();
  for (let index = 0; index < 3000; index++) {
    const { hash, padToCost } = work.of(`nobody-${index}`, undefined);
    assert.equal(work.of(`nobody-${index}`, '').hash, hash);
    assert.equal(padToCost, 6);
    const cost = hash.slice(4, 6);
    drawn.set(cost, (drawn.get(cost) ?? 0) + 1);
  }
  assert.deepEqual([...drawn.keys()].sort(), ['04', '05', '06']);
  for (const count of drawn.values()) assert.ok(count > 850 && count < 1150, `${count}`);
});

test('on every way in, who exists cannot be told by time, status, headers or text', async (t) => {
  const file = join(await temporaryDirectory(t, 'htpasswd'), 'users');
  const lines = [4, 6, 7].map((cost) => `cost-${cost}:${hashSync('some-other-password', cost)}`);
  writeFileSync(file, `${lines.join('\n')}\n`);
  const gateway = await startGateway(t, {
    'auth.htpasswd_file': file,
    'limits.failed_logins': '100000/1s',
    'limits.account_failed_logins': '100000/1s',
    'limits.address_failed_logins': '100000/1s',
  });
  await gateway.admin.addUser('disabled', 'any-password');
  await gateway.admin.setEnabled('disabled', false);
  const seen = new Set<string>();
  const attempt = async (name: string, index: number) => {
    // It is the right password of who is disabled.
    const answer = await ways[index % ways.length]!(name, 'any-password');
    const { date, 'x-request-id': id, ...headers } = answer.headers;
    seen.add(JSON.stringify([index % ways.length, answer.status, headers, answer.json]));
  };
  const form = (name: string, password: string) =>
    new URLSearchParams({ grant_type: 'password', client_id: 'test', service: '', username: name, password });
  const ways = [
    (name: string, password: string) => request(as(gateway, name, password), { path: '/v2/' }),
    (name: string, password: string) => request(as(gateway, name, password), { path: '/token' }),
    (name: string, password: string) =>
      request(gateway, {
        method: 'POST',
        path: '/token',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: form(name, password).toString(),
      }),
  ];
  const names = ['disabled', 'cost-4', 'cost-7', 'alice'];
  const known: Try = (index) => attempt(names[Math.floor(index / 3) % names.length]!, index);
  const unknown: Try = (index) => attempt(`nobody-${Math.floor(index / 3) % 10}`, index);
  assert.equal(await areToldApart(known, unknown), false);
  assert.equal(seen.size, ways.length, [...seen].join('\n'));
});
