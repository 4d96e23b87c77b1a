import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openAdmin } from '../../gateway/admin.ts';
import { adminChanges, auditedAdmin } from '../../gateway/audit/admin-changes.ts';
import type { AuditEntry } from '../../runtime/audit-entry.ts';
import { onEnd } from '../support/scope.ts';
import { testConfig } from './identity-fixture.ts';

/** Methods that look, and change nothing. */
const reads = /^(list[A-Z]|can$|close$|constructor$)/;

test('every method of the façade that changes something is written down', async (t) => {
  const admin = await openAdmin(await testConfig(t));
  onEnd(t, () => admin.close());
  const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(admin));
  const changing = methods.filter((name) => !reads.test(name));
  assert.deepEqual(Object.keys(adminChanges).sort(), changing.sort());
});

test('a change is reported when it is made, without its secret; one that is refused is not', async (t) => {
  const entries: AuditEntry[] = [];
  const opened = await openAdmin(await testConfig(t));
  onEnd(t, () => opened.close());
  const by = { actor: 'root', actorKind: 'operator', requestId: 'r' } as const;
  const admin = auditedAdmin(opened, by, async (entry) => void entries.push(entry));
  await admin.addUser('alice', 'the secret of alice', { admin: true });
  await assert.rejects(admin.addUser('alice', 'the secret of alice'));
  await admin.addUser('bob', 'the secret of bob');
  await admin.setPassword('bob', 'another secret of bob');
  await admin.setEnabled('bob', false);
  await admin.grant('bob', 'team/**', ['pull', 'push']);
  await admin.revoke('bob', 'team/**', ['push']);
  await admin.removeUser('bob');
  assert.equal((await admin.listUsers()).length, 1);
  assert.deepEqual(
    entries.map(({ action, subject, detail }) => [action, subject, detail]),
    [
      ['user.add', 'alice', { admin: true }],
      ['user.add', 'bob', undefined],
      ['user.password', 'bob', undefined],
      ['user.disable', 'bob', undefined],
      ['grant.add', 'bob', { pattern: 'team/**', actions: ['pull', 'push'] }],
      ['grant.revoke', 'bob', { pattern: 'team/**', actions: ['push'], left: ['pull'] }],
      ['user.remove', 'bob', undefined],
    ],
  );
  assert.doesNotMatch(JSON.stringify(entries), /secret/);
});
