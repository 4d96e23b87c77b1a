import { timeOf } from './me.ts';
import type { Call, Operation } from './operation.ts';
import { flag, noTime, objectOf, text } from './schema.ts';
import { listed, rightsShape, shapeOf } from './shapes.ts';

/** Robots: all of them for administrators, for others those within the patterns that they have `admin` on. */
export const robotOperations: readonly Operation[] = [
  {
    method: 'GET',
    path: '/api/v1/robots',
    summary: 'Robots that the caller looks after',
    access: 'account',
    status: 200,
    answer: listed('robots', 'Robot'),
    run: async (call) => ({ robots: await keeper(call).listRobots() }),
  },
  {
    method: 'POST',
    path: '/api/v1/robots',
    summary: 'A new robot; its secret is told this once',
    access: 'account',
    body: objectOf(
      { name: text, description: text, rights: rightsShape, expiresAt: noTime },
      'description',
      'rights',
      'expiresAt',
    ),
    status: 201,
    answer: shapeOf('Secret'),
    run: (call) =>
      keeper(call).addRobot(call.body.name, {
        owner: call.actor.name,
        description: call.body.description ?? '',
        rights: call.body.rights ?? undefined,
        expiresAt: timeOf(call.body.expiresAt),
      }),
  },
  {
    method: 'POST',
    path: '/api/v1/robots/{name}/secret',
    summary: 'A new secret for a robot; the old one ends at once',
    access: 'account',
    body: objectOf({ expiresAt: noTime }, 'expiresAt'),
    status: 201,
    answer: shapeOf('Secret'),
    run: (call) => keeper(call).rotateRobot(call.parameter('name')!, timeOf(call.body.expiresAt)),
  },
  {
    method: 'PATCH',
    path: '/api/v1/robots/{name}',
    summary: 'Disables or enables a robot',
    access: 'account',
    body: objectOf({ enabled: flag }),
    status: 204,
    run: (call) => keeper(call).setRobotEnabled(call.parameter('name')!, call.body.enabled),
  },
  {
    method: 'DELETE',
    path: '/api/v1/robots/{name}',
    summary: 'Removes a robot with its rights',
    access: 'account',
    status: 204,
    run: (call) => keeper(call).removeRobot(call.parameter('name')!),
  },
];

/** For an administrator without the bounds of patterns. */
export function keeper({ admin, own }: Call) {
  return own.isAdministrator() ? admin : own;
}
