import { passwordLogin } from '../login.ts';
import type { Call, Operation } from './operation.ts';
import { listOf, noTime, objectOf, password, text } from './schema.ts';
import { actionsShape, listed, rightsShape, shapeOf } from './shapes.ts';

/** What everybody may do for himself. */
export const meOperations: readonly Operation[] = [
  {
    method: 'GET',
    path: '/api/v1/me',
    summary: 'Who the caller is',
    access: 'anybody',
    status: 200,
    answer: shapeOf('Me'),
    run: ({ actor, own }) => ({
      name: actor.name,
      kind: actor.kind,
      administrator: own.isAdministrator(),
      credential: (actor.issuedTo ?? actor.credential)?.kind ?? null,
    }),
  },
  {
    method: 'GET',
    path: '/api/v1/me/rights',
    summary: 'What the caller may do, by itself and by what this request brought',
    access: 'anybody',
    status: 200,
    answer: objectOf({
      administrator: { type: 'boolean' },
      grants: listOf(shapeOf('Grant')),
      limit: rightsShape,
      readable: listOf(text),
    }),
    run({ actor, own, parts }) {
      const { grants, limit } = parts.identity.rightsOf(actor);
      return {
        administrator: own.isAdministrator(),
        grants,
        limit: limit ?? null,
        readable: parts.identity.readablePatterns(actor),
      };
    },
  },
  {
    method: 'PUT',
    path: '/api/v1/me/password',
    summary: 'A new password; what was issued for the old one ends at once',
    access: 'password',
    body: objectOf({ currentPassword: password, newPassword: password }),
    status: 204,
    run: changePassword,
  },
  {
    method: 'GET',
    path: '/api/v1/me/tokens',
    summary: 'The caller’s personal access tokens',
    access: 'account',
    status: 200,
    answer: listed('tokens', 'Token'),
    run: async ({ own }) => ({ tokens: await own.listTokens() }),
  },
  {
    method: 'POST',
    path: '/api/v1/me/tokens',
    summary: 'A new personal access token, told this once',
    access: 'password',
    body: objectOf({ name: text, rights: rightsShape, expiresAt: noTime }, 'rights', 'expiresAt'),
    status: 201,
    answer: shapeOf('Secret'),
    run: ({ actor, own, body }) =>
      own.createToken(actor.name, body.name, {
        rights: body.rights ?? undefined,
        expiresAt: timeOf(body.expiresAt),
      }),
  },
  {
    method: 'DELETE',
    path: '/api/v1/me/tokens/{id}',
    summary: 'Revokes one of the caller’s tokens, at once',
    access: 'account',
    status: 204,
    run: ({ own, parameter }) => own.revokeToken(parameter('id')!),
  },
  {
    method: 'GET',
    path: '/api/v1/me/sessions',
    summary: 'Devices on which the caller is logged in',
    access: 'password',
    status: 200,
    answer: listed('sessions', 'Session'),
    run: async ({ actor, admin }) => ({ sessions: await admin.listSessions(actor.name) }),
  },
  {
    method: 'DELETE',
    path: '/api/v1/me/sessions/{id}',
    summary: 'Ends the login of one of the caller’s devices, at once',
    access: 'password',
    status: 204,
    async run({ actor, admin, parameter }) {
      const id = parameter('id')!;
      const own = await admin.listSessions(actor.name);
      // Somebody else's is not there for the caller.
      await admin.revokeSession(own.some((session) => session.id === id) ? id : '');
    },
  },
  {
    method: 'GET',
    path: '/api/v1/can',
    summary: 'Whether the caller may do something with a repository, and which grant decides',
    access: 'anybody',
    query: { action: actionsShape.items!, repository: text },
    needs: ['action', 'repository'],
    status: 200,
    answer: shapeOf('Decision'),
    run: ({ actor, parts, parameter }) =>
      parts.identity.decide(actor, parameter('repository')!, parameter('action') as 'pull'),
  },
];

/** The current password once more: a page that was left open is not enough to take an account over. */
async function changePassword({ actor, admin, body, exchange, parts }: Call): Promise<void> {
  await passwordLogin(exchange, actor.name, body.currentPassword, parts);
  await admin.setPassword(actor.name, body.newPassword);
}

export function timeOf(given: string | null | undefined): number | null {
  return given == null ? null : Date.parse(given);
}
