import { type Command, namedPositionals } from '../command.ts';
import { printLine } from '../output.ts';
import { parseActions, withAdmin } from '../with-admin.ts';

export const command: Command = {
  summary: 'take rights away',
  usage: ['revoke SUBJECT PATTERN [ACTIONS]'],
  description:
    'SUBJECT is as for `gatehouse grant`. Takes back what was granted under exactly this pattern, at once: tokens that were\nhanded out before do not help. Without ACTIONS: all of them.',
  examples: [
    ["revoke alice 'team/**' push,delete", 'alice may only pull from now on'],
    ["revoke alice 'team/**'", 'the whole grant'],
    ["revoke team:dev 'dev/**' delete", 'of every member, unless somebody has it otherwise'],
  ],
  async run(call) {
    const names = ['SUBJECT', 'PATTERN', 'ACTIONS'] as const;
    const { SUBJECT, PATTERN, ACTIONS } = namedPositionals(
      call.positionals,
      call.positionals.length === 2 ? names.slice(0, 2) : names,
    );
    const actions = ACTIONS === undefined ? undefined : parseActions(ACTIONS);
    const left = await withAdmin(call, (admin) => admin.revoke(SUBJECT, PATTERN, actions));
    printLine(
      left
        ? `${SUBJECT} may still ${left.actions.join(', ')} in ${PATTERN}`
        : `${SUBJECT} has no grant for ${PATTERN} any more`,
    );
    return 0;
  },
};
