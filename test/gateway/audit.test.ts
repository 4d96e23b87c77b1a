import assert from 'node:assert/strict';
import { readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type AuditFilter, newestEntries, openAuditReader } from '../../gateway/audit/index.ts';
import type { AuditEntry } from '../../runtime/audit-entry.ts';
import { reportToAudit } from '../../runtime/audit-report.ts';
import { dataPaths } from '../../runtime/config.ts';
import { callControl } from '../../runtime/control.ts';
import { temporaryDirectory } from '../support/files.ts';
import { as, request } from '../support/http.ts';
import { pushImage } from '../support/push.ts';
import type { Scope } from '../support/scope.ts';
import { basic, password, startCore, startGateway, type TestGateway, until } from './support.ts';

async function startBoth(scope: Scope, settings = {}): Promise<TestGateway> {
  const gateway = await startGateway(scope, settings);
  await startCore(scope, gateway.data);
  return gateway;
}

async function entriesOf(gateway: Pick<TestGateway, 'config'>, filter: AuditFilter = {}) {
  const reader = openAuditReader(gateway.config);
  try {
    return await newestEntries(gateway.config, reader, filter, 1000);
  } finally {
    reader.close();
  }
}

/** Waits for the entries, which come a moment after the answer that they are about. */
async function recorded(gateway: TestGateway, filter: AuditFilter, count: number): Promise<AuditEntry[]> {
  let found: AuditEntry[] = [];
  const enough = async () => {
    found = await entriesOf(gateway, filter);
    return found.length >= count;
  };
  await until(enough, `${count} entries of ${JSON.stringify(filter)}`);
  assert.equal(found.length, count, JSON.stringify(found));
  return found;
}

function change(gateway: Pick<TestGateway, 'config'>, requestId: string): Promise<void> {
  return reportToAudit(gateway.config, {
    at: Date.now(),
    action: 'user.add',
    actor: 'root',
    actorKind: 'operator',
    subject: 'carol',
    result: 'ok',
    requestId,
  });
}

test('a push, a pull and a deletion: who, with what, from where, what, when', async (t) => {
  const gateway = await startBoth(t);
  const alice = as(gateway, 'alice', password);
  const begin = Date.now();
  const { digest } = await pushImage(alice, 'alice/app', 'v1');
  const pulled = await request(alice, { path: '/v2/alice/app/manifests/v1' });
  assert.equal(pulled.status, 200);
  const deleted = await request(alice, { method: 'DELETE', path: `/v2/alice/app/manifests/${digest}` });
  assert.equal(deleted.status, 202);
  const entries = await recorded(gateway, { repository: 'alice/app' }, 3);
  const common = {
    actor: 'alice',
    actorKind: 'user',
    credential: 'password',
    address: '127.0.0.1',
    repository: 'alice/app',
    digest,
    result: 'ok',
  };
  assert.deepEqual(
    entries.map(({ at: _, requestId: __, ...entry }) => entry),
    [
      { action: 'push', ...common, reference: 'v1', status: 201 },
      { action: 'pull', ...common, reference: 'v1', status: 200 },
      { action: 'delete', ...common, reference: digest, status: 202, digest: undefined },
    ].map((entry) => JSON.parse(JSON.stringify(entry))),
  );
  assert.equal(entries[1]!.requestId, pulled.headers['x-request-id']);
  assert.ok(entries.every(({ at }) => at >= begin && at <= Date.now()));
});

test('a Bearer token stands with its own id and with what it was issued for', async (t) => {
  const gateway = await startBoth(t);
  await pushImage(as(gateway, 'alice', password), 'alice/app', 'v1');
  const path = '/token?scope=repository:alice/app:pull';
  const { token } = (await request(as(gateway, 'alice', password), { path })).json;
  const headers = { authorization: `Bearer ${token}` };
  assert.equal((await request(gateway, { path: '/v2/alice/app/manifests/v1', headers })).status, 200);
  const [pull] = await recorded(gateway, { action: 'pull' }, 1);
  const { jti } = JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString());
  assert.deepEqual([pull!.credential, pull!.token], ['password', jti]);
});

test('a pull by digest has the tag that the same client asked about before', async (t) => {
  const gateway = await startBoth(t);
  const alice = as(gateway, 'alice', password);
  const { digest } = await pushImage(alice, 'team/app', 'v1');
  const path = `/v2/team/app/manifests/${digest}`;
  await request(alice, { method: 'HEAD', path: '/v2/team/app/manifests/v1' });
  await request(alice, { path });
  await request(as(gateway, 'bob', password), { path });
  const pulls = await recorded(gateway, { action: 'pull' }, 2);
  assert.deepEqual(
    pulls.map(({ actor, reference, detail }) => [actor, reference, detail]),
    [
      ['alice', digest, { tag: 'v1' }],
      ['bob', digest, undefined],
    ],
  );
});

test('a login is a token that is issued, or a password that comes anew', async (t) => {
  const gateway = await startBoth(t);
  const alice = as(gateway, 'alice', password);
  for (let i = 0; i < 3; i++) assert.equal((await request(alice, { path: '/v2/' })).status, 200);
  assert.equal((await request(alice, { path: '/token' })).status, 200);
  assert.equal((await request(gateway, { path: '/token' })).status, 200);
  const logins = await recorded(gateway, { action: 'login' }, 2);
  assert.deepEqual(
    logins.map(({ actor, result }) => [actor, result]),
    [
      ['alice', 'ok'],
      ['alice', 'ok'],
    ],
  );
  await gateway.admin.setPassword('alice', 'another password of hers');
  const anew = as(gateway, 'alice', 'another password of hers');
  assert.equal((await request(anew, { path: '/v2/' })).status, 200);
  await recorded(gateway, { action: 'login' }, 3);
});

test('a failed login has its reason, and never what was typed in place of a name', async (t) => {
  const gateway = await startGateway(t);
  await request(gateway, { path: '/v2/', headers: { authorization: basic('alice', 'wrong-password-1') } });
  await request(gateway, { path: '/v2/', headers: { authorization: basic('nobody', 'wrong-password-2') } });
  await request(gateway, { path: '/v2/', headers: { authorization: basic('A Secret!', 'x') } });
  const entries = await recorded(gateway, { action: 'login.failed' }, 3);
  assert.deepEqual(
    entries.map(({ actor, detail, status }) => [actor, detail?.['reason'], status]),
    [
      ['alice', 'password', 401],
      ['nobody', 'unknown', 401],
      ['[no user name]', 'unknown', 401],
    ],
  );
  assert.deepEqual(await entriesOf(gateway, { action: 'login.failed', user: 'nobody' }), [entries[1]]);
});

test('what is refused for want of a right', async (t) => {
  const gateway = await startGateway(t);
  const bob = as(gateway, 'bob', password);
  const answer = await request(bob, { method: 'POST', path: '/v2/team/app/blobs/uploads/' });
  assert.equal(answer.status, 403);
  const [entry] = await recorded(gateway, { action: 'denied' }, 1);
  assert.deepEqual(
    [entry!.actor, entry!.repository, entry!.result, entry!.status, entry!.detail],
    ['bob', 'team/app', 'denied', 403, { wanted: 'push' }],
  );
});

test('audit.db is its owner’s alone, and pages of it meet without a gap', async (t) => {
  const gateway = await startGateway(t);
  const alice = as(gateway, 'alice', password);
  for (let i = 0; i < 7; i++) assert.equal((await request(alice, { path: '/token' })).status, 200);
  await recorded(gateway, { user: 'alice' }, 7);
  assert.equal(statSync(dataPaths(gateway.config).auditDatabase).mode & 0o777, 0o600);
  const reader = openAuditReader(gateway.config);
  t.after(() => reader.close());
  const ids: string[] = [];
  const sizes: number[] = [];
  for (let next: string | undefined, more = true; more; more = next !== undefined) {
    const page = reader.page({ user: 'alice' }, 3, next);
    next = page.next;
    sizes.push(page.entries.length);
    ids.push(...page.entries.map(({ requestId }) => requestId));
  }
  assert.deepEqual(sizes, [3, 3, 1]);
  assert.deepEqual(
    ids.toReversed(),
    (await entriesOf(gateway, { user: 'alice' })).map(({ requestId }) => requestId),
  );
  assert.throws(() => reader.page({}, 3, 'x'), RangeError);
});

test('filters: repository pattern, time, address, and what somebody may see', async (t) => {
  const gateway = await startBoth(t);
  const admin = as(gateway, 'admin', password);
  for (const name of ['team/a', 'team/b/c', 'other']) await pushImage(admin, name, 'v1');
  await recorded(gateway, { action: 'push' }, 3);
  const names = async (filter: AuditFilter) =>
    (await entriesOf(gateway, { action: 'push', ...filter })).map(({ repository }) => repository);
  assert.deepEqual(await names({ repository: 'team/*' }), ['team/a']);
  assert.deepEqual(await names({ repository: 'team/**' }), ['team/a', 'team/b/c']);
  assert.deepEqual(await names({ isVisible: (name) => name !== 'team/a' }), ['team/b/c', 'other']);
  assert.deepEqual(await names({ isVisible: () => false }), []);
  assert.deepEqual(await names({ address: '127.0.0.2' }), []);
  const [, second] = await entriesOf(gateway, { action: 'push' });
  assert.deepEqual((await names({ since: second!.at })).at(-1), 'other');
  assert.deepEqual((await names({ until: second!.at }))[0], 'team/a');
  assert.deepEqual(await names({ since: second!.at, until: second!.at - 1 }), []);
});

test('what another process did is committed when it is told so, and once however often it comes', async (t) => {
  const gateway = await startGateway(t);
  await change(gateway, 'change-1');
  const reader = openAuditReader(gateway.config);
  t.after(() => reader.close());
  assert.deepEqual(
    reader.page({ user: 'carol' }, 9).entries.map(({ requestId, action }) => [requestId, action]),
    [['change-1', 'user.add']],
  );
  const [entry] = reader.page({ user: 'carol' }, 9).entries;
  await callControl(dataPaths(gateway.config).gatewaySocket, 'POST', '/audit', entry);
  assert.equal(reader.page({ user: 'carol' }, 9).entries.length, 1);
});

test('without a gateway an entry waits, is seen at once, and is taken up by the next one', async (t) => {
  const first = await startGateway(t);
  await first.gateway.drain();
  await change(first, 'change-2');
  assert.deepEqual((await entriesOf(first, { user: 'carol' })).length, 1);
  const next = await startGateway(t, { data: first.data });
  const reader = openAuditReader(next.config);
  t.after(() => reader.close());
  assert.equal(reader.page({ user: 'carol' }, 9).entries.length, 1);
  assert.equal((await entriesOf(next, { user: 'carol' })).length, 1);
});

test('lines of JSON: the same entries; a renamed file is let go of on reload', async (t) => {
  const file = join(await temporaryDirectory(t, 'lines'), 'audit.jsonl');
  const gateway = await startGateway(t, { 'audit.json_lines': file });
  await change(gateway, 'change-3');
  const lines = (path: string) => readFileSync(path, 'utf8').trimEnd().split('\n');
  assert.equal(JSON.parse(lines(file)[0]!).requestId, 'change-3');
  assert.equal(statSync(file).mode & 0o777, 0o600);
  renameSync(file, `${file}.1`);
  await gateway.gateway.reload!();
  await change(gateway, 'change-4');
  assert.deepEqual(
    [`${file}.1`, file].map((path) => lines(path).map((line) => JSON.parse(line).requestId)),
    [['change-3'], ['change-4']],
  );
});

test('audit.json_lines: log', async (t) => {
  const gateway = await startGateway(t, { 'audit.json_lines': 'log' });
  await request(as(gateway, 'alice', password), { path: '/token' });
  await recorded(gateway, { action: 'login' }, 1);
  const line = gateway.log.find(({ message }) => message === 'audit');
  assert.deepEqual([line?.fields['action'], line?.fields['actor']], ['login', 'alice']);
});

test('audit.trail: off', async (t) => {
  const gateway = await startGateway(t, { 'audit.trail': 'off' });
  assert.equal((await request(as(gateway, 'alice', password), { path: '/token' })).status, 200);
  await change(gateway, 'change-5');
  await gateway.gateway.drain();
  assert.deepEqual(await entriesOf(gateway), []);
});
