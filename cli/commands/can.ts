import type { Decision } from '../../gateway/admin.ts';
import { type Command, jsonOption, namedPositionals } from '../command.ts';
import { UsageError } from '../errors.ts';
import { printJson, printLine } from '../output.ts';
import { parseActions, withAdmin } from '../with-admin.ts';

export const command: Command = {
  summary: 'ask whether a user may do something, and why',
  usage: ['can USER ACTION REPOSITORY [--token ID] [--json]'],
  description:
    'Answers as the gateway would, with the grant that decides. USER may be robot+NAME or anonymous. Exit code 0:\nyes. 1: no.',
  options: {
    token: { type: 'string', value: 'ID', description: 'with this personal token of the user' },
    ...jsonOption,
  },
  examples: [
    ['can alice push team/app', 'may alice push to team/app?'],
    ['can robot+ci pull team/app', 'may the robot pull it?'],
    ['can anonymous pull public/app', 'may everybody pull it?'],
  ],
  async run(call) {
    const { USER, ACTION, REPOSITORY } = namedPositionals(call.positionals, ['USER', 'ACTION', 'REPOSITORY']);
    const [action, ...more] = parseActions(ACTION);
    if (more.length > 0) throw new UsageError('one action at a time');
    const decision = await withAdmin(call, (admin) =>
      admin.can(USER, action!, REPOSITORY, call.values.get('token')),
    );
    if (call.given.has('json')) printJson(decision);
    else printLine(`${decision.allowed ? 'yes' : 'no'} (${why(USER, decision)})`);
    return decision.allowed ? 0 : 1;
  },
};

/** The grant that decided, through which team or template, and what stands in its way. */
function why(user: string, { reason, grant }: Decision): string {
  const limit = reason === 'limit' ? 'limited to less; ' : '';
  if (!grant) return limit + (reason === 'limit' ? 'admin' : reason);
  const member = grant.subject.startsWith('team:') ? `, of which ${user} is a member` : '';
  const how = grant.template === undefined ? 'granted' : `by the template ${grant.template} granted`;
  return `${limit}${how} to ${grant.subject}${member}: ${grant.pattern} ${grant.actions.join(',')}`;
}
