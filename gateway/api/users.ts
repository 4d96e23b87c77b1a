import type { Call, Operation } from './operation.ts';
import { flag, objectOf, password, text } from './schema.ts';
import { listed } from './shapes.ts';

/** Users and teams, for administrators. */
export const userOperations: readonly Operation[] = [
  {
    method: 'GET',
    path: '/api/v1/users',
    summary: 'All users',
    access: 'administrator',
    status: 200,
    answer: listed('users', 'User'),
    run: async ({ admin }) => ({ users: await admin.listUsers() }),
  },
  {
    method: 'POST',
    path: '/api/v1/users',
    summary: 'A new user',
    access: 'administrator',
    body: objectOf({ name: text, password, admin: flag }, 'admin'),
    status: 204,
    run: ({ admin, body }) => admin.addUser(body.name, body.password, { admin: body.admin === true }),
  },
  {
    method: 'PATCH',
    path: '/api/v1/users/{name}',
    summary: 'A new password for a user; disables or enables one. Effective with the next request',
    access: 'administrator',
    body: objectOf({ password, enabled: flag }, 'password', 'enabled'),
    status: 204,
    run: changeUser,
  },
  {
    method: 'DELETE',
    path: '/api/v1/users/{name}',
    summary: 'Removes a user with his rights and tokens',
    access: 'administrator',
    status: 204,
    run: ({ admin, parameter }) => admin.removeUser(parameter('name')!),
  },
  {
    method: 'GET',
    path: '/api/v1/sessions',
    summary: 'Devices that are logged in, of everybody or of a user',
    access: 'administrator',
    query: { user: text },
    status: 200,
    answer: listed('sessions', 'Session'),
    run: async ({ admin, parameter }) => ({ sessions: await admin.listSessions(parameter('user')) }),
  },
  {
    method: 'DELETE',
    path: '/api/v1/sessions/{id}',
    summary: 'Ends the login of a device',
    access: 'administrator',
    status: 204,
    run: ({ admin, parameter }) => admin.revokeSession(parameter('id')!),
  },
  {
    method: 'GET',
    path: '/api/v1/tokens',
    summary: 'Personal access tokens, of everybody or of a user',
    access: 'administrator',
    query: { user: text },
    status: 200,
    answer: listed('tokens', 'Token'),
    run: async ({ admin, parameter }) => ({ tokens: await admin.listTokens(parameter('user')) }),
  },
  {
    method: 'DELETE',
    path: '/api/v1/tokens/{id}',
    summary: 'Revokes a personal access token, whose ever it is',
    access: 'administrator',
    status: 204,
    run: ({ admin, parameter }) => admin.revokeToken(parameter('id')!),
  },
];

async function changeUser({ admin, body, parameter }: Call): Promise<void> {
  const name = parameter('name')!;
  if (body.password !== undefined) await admin.setPassword(name, body.password);
  if (body.enabled !== undefined) await admin.setEnabled(name, body.enabled);
}
