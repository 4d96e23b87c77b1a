import type { AuditEntry } from '../../runtime/audit-entry.ts';
import type { Admin } from '../admin.ts';
import type { ActingAdmin } from '../identity/acting-admin.ts';
import { robotName } from '../identity/credential-rules.ts';

/** What a change says of itself. Never a password or a secret. */
type Change = Pick<AuditEntry, 'action'> & Partial<Pick<AuditEntry, 'subject' | 'detail'>>;

type Changes = {
  [Method in keyof Admin]?: (
    parameters: Parameters<Admin[Method]>,
    result: Awaited<ReturnType<Admin[Method]>>,
  ) => Change | undefined;
};

/** Every method of `Admin` that changes something, and what is written down of it. */
export const adminChanges: Changes = {
  ensureFirstAdmin: (_, { created }) =>
    created ? { action: 'user.add', subject: 'admin', detail: { admin: true } } : undefined,
  addUser: ([subject, , options]) => ({
    action: 'user.add',
    subject,
    ...(options?.admin && { detail: { admin: true } }),
  }),
  setPassword: ([subject]) => ({ action: 'user.password', subject }),
  setEnabled: ([subject, enabled]) => ({ action: enabled ? 'user.enable' : 'user.disable', subject }),
  removeUser: ([subject]) => ({ action: 'user.remove', subject }),
  importHtpasswd: ([, options], lines) => {
    const made = lines.filter(({ outcome }) => ['added', 'taken-over', 'replaced'].includes(outcome));
    if (options?.dryRun || made.length === 0) return undefined;
    const users = made.slice(0, 100).map(({ name }) => name);
    return { action: 'user.import', detail: { count: made.length, users } };
  },
  grant: ([subject, pattern, actions]) => ({ action: 'grant.add', subject, detail: { pattern, actions } }),
  revoke: ([subject, pattern, actions], left) => ({
    action: 'grant.revoke',
    subject,
    detail: { pattern, ...(actions && { actions }), left: left?.actions ?? [] },
  }),
  createTeam: ([name]) => ({ action: 'team.add', subject: `team:${name}` }),
  deleteTeam: ([name]) => ({ action: 'team.remove', subject: `team:${name}` }),
  addMember: ([team, member], isNew) =>
    isNew ? { action: 'team.join', subject: `team:${team}`, detail: { member } } : undefined,
  removeMember: ([team, member]) => ({ action: 'team.leave', subject: `team:${team}`, detail: { member } }),
  addRobot: ([, { rights }], { user, id, expiresAt }) => ({
    action: 'robot.add',
    subject: user,
    detail: { secret: id, rights: rights ?? null, expiresAt },
  }),
  rotateRobot: (_, { user, id, expiresAt }) => ({
    action: 'robot.change',
    subject: user,
    detail: { secret: id, expiresAt },
  }),
  setRobotEnabled: ([name, enabled]) => ({
    action: 'robot.change',
    subject: robotName(name),
    detail: { enabled },
  }),
  removeRobot: ([name]) => ({ action: 'robot.remove', subject: robotName(name) }),
  createToken: ([subject, name, { rights }], { id, expiresAt }) => ({
    action: 'token.create',
    subject,
    detail: { token: id, name, rights: rights ?? null, expiresAt },
  }),
  revokeToken: (_, { id, user, name }) => ({
    action: 'token.revoke',
    subject: user,
    detail: { token: id, name },
  }),
  rotateKey: ([options], { kid }) => ({
    action: 'key.rotate',
    detail: { key: kid, ...(options?.revoke && { revoked: true }) },
  }),
  revokeSession: ([id]) => ({ action: 'session.revoke', detail: { session: id } }),
  revokeSessions: ([subject], count) => ({ action: 'session.revoke', subject, detail: { count } }),
};

/** Who makes changes, and how: what all entries of theirs share. */
export type ChangeMaker = Omit<AuditEntry, 'at' | 'action' | 'subject' | 'detail' | 'result'>;

/**
 * The façade, or that of somebody who acts for himself, with each change reported once it is made. A change whose
 * report fails has been made all the same; its caller gets the report's error.
 */
export function audited<Face extends Admin | ActingAdmin>(
  face: Face,
  by: ChangeMaker,
  report: (entry: AuditEntry) => Promise<void>,
): Face {
  return new Proxy(face, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name, target);
      if (typeof method !== 'function') return method;
      const describe = adminChanges[name as keyof Admin] as
        | ((parameters: unknown[], result: unknown) => Change | undefined)
        | undefined;
      if (!describe) return method.bind(target);
      return async (...parameters: unknown[]) => {
        const result: unknown = await method.apply(target, parameters);
        const change = describe(parameters, result);
        if (change) await report({ at: Date.now(), ...by, ...change, result: 'ok' });
        return result;
      };
    },
  });
}
