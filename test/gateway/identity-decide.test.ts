import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Action, Actor, Decision, Scope } from '../../gateway/identity/index.ts';
import { parseScopes } from '../../gateway/identity/index.ts';
import { basic, openBoth } from './identity-fixture.ts';

const anonymous: Actor = { name: '', kind: 'anonymous', admin: false };
const user = (name: string, scopes?: Scope[]): Actor => ({
  name,
  kind: 'user',
  admin: false,
  ...(scopes && { scopes }),
});

async function openWithGrants(t: Parameters<typeof openBoth>[0], flags = {}) {
  const both = await openBoth(t, flags);
  const { admin } = both;
  await admin.addUser('root', 'root-password', { admin: true });
  await admin.addUser('alice', 'alice-password');
  await admin.addUser('bob', 'bob-password');
  await admin.grant('alice', 'team-a/**', ['pull', 'push']);
  await admin.grant('alice', '*/base', ['pull']);
  await admin.grant('authenticated', 'shared/tool', ['pull']);
  await admin.grant('anonymous', 'public/**', ['pull']);
  return both;
}

test('decisions, by default a no', async (t) => {
  const { identity } = await openWithGrants(t);
  const table: [
    actor: Actor,
    repository: string,
    action: Action,
    reason: Decision['reason'],
    subject?: string,
  ][] = [
    [user('alice'), 'team-a/app', 'pull', 'grant', 'alice'],
    [user('alice'), 'team-a/x/y', 'push', 'grant', 'alice'],
    [user('alice'), 'team-a/app', 'delete', 'no-grant'],
    [user('alice'), 'team-a', 'pull', 'no-grant'],
    [user('alice'), 'team-ab/app', 'pull', 'no-grant'],
    [user('alice'), 'team-b/base', 'pull', 'grant', 'alice'],
    [user('alice'), 'team-b/base', 'push', 'no-grant'],
    [user('alice'), 'team-b/x/base', 'pull', 'no-grant'],
    [user('alice'), 'alice/app', 'delete', 'template', 'alice'],
    [user('alice'), 'alice', 'push', 'no-grant'],
    [user('alice'), 'alicex/app', 'push', 'no-grant'],
    [user('alice'), 'bob/app', 'pull', 'no-grant'],
    [user('alice'), 'shared/tool', 'pull', 'grant', 'authenticated'],
    [user('alice'), 'public/x', 'pull', 'grant', 'anonymous'],
    [user('alice'), 'public/x', 'push', 'no-grant'],
    [user('alice'), 'team-a/../bob/app', 'pull', 'no-grant'],
    [user('alice'), 'team-a/App', 'pull', 'no-grant'],
    [user('alice'), 'team-a/', 'pull', 'no-grant'],
    [user('alice'), 'team-a/аpp', 'pull', 'no-grant'],
    [user('bob'), 'team-a/app', 'pull', 'no-grant'],
    [user('nobody'), 'nobody/app', 'pull', 'no-grant'],
    [user('nobody'), 'public/x', 'pull', 'no-grant'],
    [user(''), 'public/x', 'pull', 'no-grant'],
    [user('root'), 'any/thing', 'delete', 'admin'],
    [user('root'), 'Any/thing', 'delete', 'no-grant'],
    [anonymous, 'public/x/y', 'pull', 'grant', 'anonymous'],
    [anonymous, 'public/x', 'push', 'no-grant'],
    [anonymous, 'shared/tool', 'pull', 'no-grant'],
    [anonymous, 'alice/app', 'pull', 'no-grant'],
    [{ ...anonymous, admin: true }, 'alice/app', 'pull', 'no-grant'],
    [{ ...user('bob'), admin: true }, 'alice/app', 'pull', 'no-grant'],
  ];
  for (const [actor, repository, action, reason, subject] of table) {
    const decision = identity.decide(actor, repository, action);
    const what = `${actor.name || actor.kind} ${action} ${repository}`;
    assert.equal(decision.reason, reason, what);
    assert.equal(decision.allowed, reason !== 'no-grant', what);
    assert.equal(decision.grant?.subject, subject, what);
  }
});

test('without the template nobody owns a namespace', async (t) => {
  const { identity } = await openWithGrants(t, { 'auth.own_namespace': 'off' });
  assert.equal(identity.decide(user('alice'), 'alice/app', 'push').reason, 'no-grant');
  assert.ok(!identity.readablePatterns(user('alice')).includes('alice/**'));
});

test('a token gives what it was issued for, as far as it is granted now', async (t) => {
  const { identity, admin } = await openWithGrants(t);
  const alice = user('alice', parseScopes(['repository:team-a/app:pull repository:bob/app:pull,push']));
  assert.equal(identity.decide(alice, 'team-a/app', 'pull').reason, 'grant');
  assert.deepEqual(identity.decide(alice, 'team-a/app', 'push'), {
    allowed: false,
    reason: 'scope',
    grant: { subject: 'alice', pattern: 'team-a/**', actions: ['pull', 'push'] },
  });
  assert.equal(identity.decide(alice, 'team-a/other', 'pull').reason, 'scope');
  assert.equal(identity.decide(alice, 'alice/app', 'pull').reason, 'scope');
  assert.equal(identity.decide(alice, 'bob/app', 'pull').reason, 'no-grant');
  assert.equal(identity.decide(user('root', []), 'any/thing', 'pull').reason, 'scope');
  await admin.revoke('alice', 'team-a/**', ['pull']);
  assert.equal(identity.decide(alice, 'team-a/app', 'pull').reason, 'no-grant');
});

test('readable patterns and the catalog', async (t) => {
  const { identity, admin } = await openWithGrants(t);
  const catalog = parseScopes(['registry:catalog:*']);
  assert.deepEqual(identity.readablePatterns(user('root')), ['**']);
  const all = ['alice/**', '*/base', 'team-a/**', 'shared/tool', 'public/**'];
  assert.deepEqual(identity.readablePatterns(user('alice')), all);
  assert.deepEqual(identity.readablePatterns(user('alice', catalog)), all);
  const narrow = parseScopes(['repository:team-a/app:pull repository:bob/app:pull repository:alice/x:push']);
  assert.deepEqual(identity.readablePatterns(user('alice', narrow)), ['team-a/app']);
  assert.deepEqual(identity.readablePatterns(user('nobody')), []);
  assert.deepEqual(identity.readablePatterns(anonymous), ['public/**']);
  assert.equal(identity.decideCatalog(user('bob')).allowed, true);
  assert.equal(identity.decideCatalog(user('root')).reason, 'admin');
  assert.equal(identity.decideCatalog(user('bob', catalog)).allowed, true);
  assert.equal(identity.decideCatalog(user('bob', narrow)).reason, 'scope');
  assert.equal(identity.decideCatalog(user('nobody')).reason, 'no-grant');
  assert.equal(identity.decideCatalog(anonymous).allowed, true);
  await admin.revoke('anonymous', 'public/**');
  assert.equal(identity.decideCatalog(anonymous).allowed, false);
});

test('a push-only grant shows nothing', async (t) => {
  const { identity, admin } = await openWithGrants(t, { 'auth.own_namespace': 'off' });
  await admin.addUser('robotic', 'robotic-password');
  await admin.grant('robotic', 'drop/**', ['push']);
  assert.deepEqual(identity.readablePatterns(user('robotic')), ['shared/tool', 'public/**']);
});

test('a user of the same name who comes later gets nothing of the actor before', async (t) => {
  const { identity, admin } = await openWithGrants(t);
  const before = await identity.authenticate(basic('alice', 'alice-password'));
  await admin.removeUser('alice');
  await admin.addUser('alice', 'alice-password');
  assert.equal(identity.decide(before, 'alice/app', 'pull').allowed, false);
  const after = await identity.authenticate(basic('alice', 'alice-password'));
  assert.equal(identity.decide(after, 'alice/app', 'pull').allowed, true);
  assert.equal(identity.decide(after, 'team-a/app', 'pull').allowed, false);
});
