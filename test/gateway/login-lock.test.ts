import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LoginLock } from '../../gateway/limits/login-lock.ts';
import { as, request } from '../support/http.ts';
import { password, startFakeCore, startGateway, type TestGateway } from './support.ts';

const minute = 60_000;

function openLock(points = 3) {
  let time = 0;
  const rate = { points, windowMs: minute };
  const lock = new LoginLock({ pair: rate, account: { points: 4, windowMs: minute }, now: () => time });
  const at = (address: string) => `${address} alice`;
  return {
    pass: (ms: number) => {
      time += ms;
    },
    now: () => time,
    fail: (address = 'a') => lock.settle(at(address), 'alice', false),
    succeed: (address = 'a') => lock.settle(at(address), 'alice', true),
    lockedMs: (address = 'a') => lock.look(at(address), 'alice').lockedMs,
    delayMs: () => lock.look('any', 'alice').delayMs,
  };
}

test('a pair is locked after so many failures, then after each, twice as long, up to an hour', () => {
  const { fail, pass, lockedMs } = openLock();
  for (let failure = 1; failure < 3; failure++) {
    assert.equal(fail(), 0);
    assert.equal(lockedMs(), 0);
  }
  const locks: number[] = [];
  for (let lock = 0; lock < 9; lock++) {
    assert.equal(fail(), 0);
    locks.push(lockedMs() / minute);
    pass(lockedMs());
    assert.equal(lockedMs(), 0);
  }
  assert.deepEqual(locks, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
});

test('a lock is of the pair: another address is free, and the account only slows down', () => {
  const { fail, lockedMs, delayMs } = openLock();
  for (let failure = 0; failure < 3; failure++) fail('a');
  assert.equal(lockedMs('a'), minute);
  assert.equal(lockedMs('b'), 0);
  const delays: number[] = [];
  for (let address = 0; address < 200; address++) {
    fail(`other-${address}`);
    delays.push(delayMs());
  }
  assert.deepEqual(delays.slice(0, 3), [0, 25, 50]);
  assert.deepEqual(
    delays,
    delays.toSorted((one, other) => one - other),
  );
  assert.equal(delays.at(-1), 3000);
  assert.equal(lockedMs('fresh'), 0);
});

test('a success and an hour of quiet end the back-off; failures that are long past do not count', () => {
  const { fail, succeed, pass, lockedMs, delayMs } = openLock();
  for (let failure = 0; failure < 3; failure++) fail();
  pass(minute);
  assert.equal(succeed(), 0);
  fail();
  assert.equal(lockedMs(), 0, 'counts from the start again');
  for (let failure = 0; failure < 2; failure++) fail();
  pass(minute + 60 * minute);
  fail();
  assert.equal(lockedMs(), 0);
  pass(minute);
  fail();
  fail();
  assert.equal(lockedMs(), 0);
  assert.equal(delayMs(), 0);
});

test('a result that comes when the pair is locked is void, good or bad, and counts nothing', () => {
  const { fail, succeed, pass, lockedMs } = openLock();
  for (let failure = 0; failure < 3; failure++) fail();
  pass(10_000);
  assert.equal(fail(), 50_000);
  assert.equal(succeed(), 50_000);
  assert.equal(lockedMs(), 50_000);
});

test('whatever happens, no more than the free failures are told in any window of the first lock', () => {
  const step = fc.record({ wait: fc.integer({ min: 0, max: 30_000 }), address: fc.constantFrom('a', 'b') });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const { fail, pass, now } = openLock();
      const told: Record<string, number[]> = { a: [], b: [] };
      for (const { wait, address } of steps) {
        pass(wait);
        if (fail(address) === 0) told[address]!.push(now());
      }
      for (const times of Object.values(told)) {
        // A window may end just before a lock begins: twice the failures less one, never more.
        times.forEach((time, index) => {
          assert.ok((times[index + 5] ?? Number.POSITIVE_INFINITY) - time >= minute);
        });
      }
    }),
  );
});

const behindProxy = { 'proxy.trusted': '127.0.0.0/8,::1' };

function login(gateway: TestGateway, user: string, secret: string, from: string, path = '/v2/') {
  return request(as(gateway, user, secret), { path, headers: { 'x-forwarded-for': from } });
}

for (const path of ['/v2/', '/token']) {
  test(`${path}: a pair is locked alike for names that exist and that do not, whatever the password`, async (t) => {
    const gateway = await startGateway(t, { ...behindProxy, 'limits.failed_logins': '2/2h' });
    await startFakeCore(t, gateway.data, (_request, response) => response.end('{}'));
    const answers: unknown[][] = [];
    for (const user of ['alice', 'nobody-here']) {
      for (const secret of ['wrong-password', 'wrong-password', 'wrong-password', password]) {
        const { status, headers, json } = await login(gateway, user, secret, '192.0.2.1', path);
        answers.push([user, status, json.errors[0].message, headers['retry-after']]);
      }
    }
    const [known, unknown] = [answers.slice(0, 4), answers.slice(4)].map((part) =>
      part.map(([, ...rest]) => rest),
    );
    assert.deepEqual(known, unknown);
    assert.deepEqual(
      known!.map(([status, , retryAfter]) => [status, retryAfter]),
      [
        [401, undefined],
        [401, undefined],
        [429, '60'],
        [429, '60'],
      ],
    );
    assert.equal((await login(gateway, 'alice', password, '192.0.2.2', path)).status, 200);
  });
}

test('many addresses cannot lock an account: it only takes longer, and its password works', async (t) => {
  const settings = { 'limits.failed_logins': '1/1m', 'limits.account_failed_logins': '1/1h' };
  const gateway = await startGateway(t, { ...behindProxy, ...settings });
  await startFakeCore(t, gateway.data, (_request, response) => response.end('{}'));
  for (let address = 1; address <= 5; address++) {
    assert.equal((await login(gateway, 'alice', 'wrong-password', `192.0.2.${address}`)).status, 401);
  }
  assert.equal((await login(gateway, 'alice', password, '192.0.2.1')).status, 429);
  assert.equal((await login(gateway, 'alice', password, '192.0.2.9')).status, 200);
});
