import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openAdmin } from '../../gateway/admin.ts';
import { adminChanges, audited } from '../../gateway/audit/admin-changes.ts';
import type { AuditEntry } from '../../runtime/audit-entry.ts';
import type { RepositoryRight } from '../../runtime/repository-rights.ts';
import { onEnd } from '../support/scope.ts';
import { testConfig } from './identity-fixture.ts';

/** Methods that look, and change nothing. */
const reads = /^(list[A-Z]|tokenAuthority$|can$|as$|close$|constructor$)/;

test('every method of the façade that changes something is written down', async (t) => {
  const admin = await openAdmin(await testConfig(t));
  onEnd(t, () => admin.close());
  const own = Object.getPrototypeOf(admin);
  const methods = [own, Object.getPrototypeOf(own)].flatMap((of) => Object.getOwnPropertyNames(of));
  const changing = methods.filter((name) => !reads.test(name));
  assert.deepEqual(Object.keys(adminChanges).sort(), changing.sort());
});

test('a change is reported when it is made, without its secret; one that is refused is not', async (t) => {
  const entries: AuditEntry[] = [];
  const opened = await openAdmin(await testConfig(t));
  onEnd(t, () => opened.close());
  const by = { actor: 'root', actorKind: 'operator', requestId: 'r' } as const;
  const admin = audited(opened, by, async (entry) => void entries.push(entry));
  await admin.addUser('alice', 'the secret of alice', { admin: true });
  await assert.rejects(admin.addUser('alice', 'the secret of alice'));
  await admin.addUser('bob', 'the secret of bob');
  await admin.setPassword('bob', 'another secret of bob');
  await admin.setEnabled('bob', false);
  await admin.grant('bob', 'team/**', ['pull', 'push']);
  await admin.revoke('bob', 'team/**', ['push']);
  await admin.removeUser('bob');
  await admin.createTeam('dev');
  await admin.addMember('dev', 'alice');
  await admin.addMember('dev', 'alice');
  await admin.removeMember('dev', 'alice');
  await admin.deleteTeam('dev');
  const rights: RepositoryRight[] = [{ pattern: 'team/**', actions: ['pull'] }];
  const robot = await admin.addRobot('ci', { rights, expiresAt: null });
  const rotated = await admin.rotateRobot('ci', null);
  await admin.setRobotEnabled('ci', false);
  await admin.removeRobot('robot+ci');
  const token = await admin.createToken('alice', 'laptop', { expiresAt: null });
  await admin.revokeToken(token.secret);
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
      ['team.add', 'team:dev', undefined],
      ['team.join', 'team:dev', { member: 'alice' }],
      ['team.leave', 'team:dev', { member: 'alice' }],
      ['team.remove', 'team:dev', undefined],
      ['robot.add', 'robot+ci', { secret: robot.id, rights, expiresAt: null }],
      ['robot.change', 'robot+ci', { secret: rotated.id, expiresAt: null }],
      ['robot.change', 'robot+ci', { enabled: false }],
      ['robot.remove', 'robot+ci', undefined],
      ['token.create', 'alice', { token: token.id, name: 'laptop', rights: null, expiresAt: null }],
      ['token.revoke', 'alice', { token: token.id, name: 'laptop' }],
    ],
  );
  assert.doesNotMatch(JSON.stringify(entries), /secret of|gatehouse_/);
});
