import { type Command, jsonOption, namedPositionals } from '../command.ts';
import { UsageError } from '../errors.ts';
import { printJson, printLine } from '../output.ts';
import { parseActions, withAdmin } from '../with-admin.ts';

export const command: Command = {
  summary: 'ask whether a user may do something, and why',
  usage: ['can USER ACTION REPOSITORY [--json]'],
  description: 'Answers as the gateway would. Exit code 0: yes. 1: no.',
  options: jsonOption,
  examples: [
    ['can alice push team/app', 'may alice push to team/app?'],
    ['can anonymous pull public/app', 'may everybody pull it?'],
  ],
  async run(call) {
    const { USER, ACTION, REPOSITORY } = namedPositionals(call.positionals, ['USER', 'ACTION', 'REPOSITORY']);
    const [action, ...more] = parseActions(ACTION);
    if (more.length > 0) throw new UsageError('one action at a time');
    const decision = await withAdmin(call, (admin) => admin.can(USER, action!, REPOSITORY));
    const { allowed, reason, grant } = decision;
    if (call.given.has('json')) printJson(decision);
    else {
      const why = grant ? `granted to ${grant.subject}: ${grant.pattern} ${grant.actions.join(',')}` : reason;
      printLine(`${allowed ? 'yes' : 'no'} (${why})`);
    }
    return allowed ? 0 : 1;
  },
};
