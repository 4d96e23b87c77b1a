import type { Operation } from './operation.ts';
import { objectOf, text } from './schema.ts';
import { listed } from './shapes.ts';

export const teamOperations: readonly Operation[] = [
  {
    method: 'GET',
    path: '/api/v1/teams',
    summary: 'All teams with their members',
    access: 'administrator',
    status: 200,
    answer: listed('teams', 'Team'),
    run: async ({ admin }) => ({ teams: await admin.listTeams() }),
  },
  {
    method: 'POST',
    path: '/api/v1/teams',
    summary: 'A new team',
    access: 'administrator',
    body: objectOf({ name: text }),
    status: 204,
    run: ({ admin, body }) => admin.createTeam(body.name),
  },
  {
    method: 'DELETE',
    path: '/api/v1/teams/{name}',
    summary: 'Removes a team with its rights; its members stay',
    access: 'administrator',
    status: 204,
    run: ({ admin, parameter }) => admin.deleteTeam(parameter('name')!),
  },
  {
    method: 'PUT',
    path: '/api/v1/teams/{name}/members/{user}',
    summary: 'Makes a user a member of a team',
    access: 'administrator',
    status: 204,
    run: ({ admin, parameter }) => admin.addMember(parameter('name')!, parameter('user')!),
  },
  {
    method: 'DELETE',
    path: '/api/v1/teams/{name}/members/{user}',
    summary: 'A user is no member any more',
    access: 'administrator',
    status: 204,
    run: ({ admin, parameter }) => admin.removeMember(parameter('name')!, parameter('user')!),
  },
];
