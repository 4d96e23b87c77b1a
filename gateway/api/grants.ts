import { OciError } from '../../oci/errors.ts';
import type { Action } from '../identity/index.ts';
import type { Call, Operation } from './operation.ts';
import { keeper } from './robots.ts';
import { objectOf, type Schema, text } from './schema.ts';
import { actionsShape, listed, shapeOf } from './shapes.ts';

const actionList: Schema = { ...text, description: 'Separated by commas; left out: all.' };

/** Grants: all of them for administrators, for others those within the patterns that they have `admin` on. */
export const grantOperations: readonly Operation[] = [
  {
    method: 'GET',
    path: '/api/v1/grants',
    summary: 'Grants that the caller may change, of everybody or of one subject',
    access: 'account',
    query: { subject: text },
    status: 200,
    answer: listed('grants', 'Grant'),
    run: async (call) => ({ grants: await keeper(call).listGrants(call.parameter('subject')) }),
  },
  {
    method: 'POST',
    path: '/api/v1/grants',
    summary: 'Gives rights, beside those that the subject has on that pattern',
    access: 'account',
    body: objectOf({ subject: text, pattern: text, actions: actionsShape }),
    status: 200,
    answer: shapeOf('Grant'),
    run: (call) => keeper(call).grant(call.body.subject, call.body.pattern, call.body.actions),
  },
  {
    method: 'DELETE',
    path: '/api/v1/grants',
    summary: 'Takes rights back that were given on exactly that pattern, at once',
    access: 'account',
    query: { subject: text, pattern: text, actions: actionList },
    needs: ['subject', 'pattern'],
    status: 204,
    run: (call) =>
      keeper(call).revoke(call.parameter('subject')!, call.parameter('pattern')!, actionsOf(call)),
  },
  {
    method: 'GET',
    path: '/api/v1/users/{name}/can',
    summary: 'Whether a user, a robot or `anonymous` may do something, and which grant decides',
    access: 'administrator',
    query: { action: actionsShape.items!, repository: text },
    needs: ['action', 'repository'],
    status: 200,
    answer: shapeOf('Decision'),
    run: ({ admin, parameter }) =>
      admin.can(parameter('name')!, parameter('action') as Action, parameter('repository')!),
  },
];

function actionsOf({ parameter }: Call): Action[] | undefined {
  const given = parameter('actions');
  if (given === undefined) return undefined;
  if (given === '')
    throw new OciError('PARAMETER_INVALID', { message: 'actions is empty; leave it out for all' });
  return given.split(',') as Action[];
}
