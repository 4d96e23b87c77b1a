import { type Command, namedPositionals } from '../command.ts';
import { printLine } from '../output.ts';
import { parseActions, withAdmin } from '../with-admin.ts';

export const command: Command = {
  summary: 'take rights away',
  usage: ['revoke USER PATTERN [ACTIONS]'],
  description:
    'Takes back what was granted under exactly this pattern, at once: tokens that were handed out before do not\nhelp. Without ACTIONS: all of them.',
  examples: [
    ["revoke alice 'team/**' push,delete", 'alice may only pull from now on'],
    ["revoke alice 'team/**'", 'the whole grant'],
  ],
  async run(call) {
    const names = ['USER', 'PATTERN', 'ACTIONS'] as const;
    const { USER, PATTERN, ACTIONS } = namedPositionals(
      call.positionals,
      call.positionals.length === 2 ? names.slice(0, 2) : names,
    );
    const actions = ACTIONS === undefined ? undefined : parseActions(ACTIONS);
    const left = await withAdmin(call, (admin) => admin.revoke(USER, PATTERN, actions));
    printLine(
      left
        ? `${USER} may still ${left.actions.join(', ')} in ${PATTERN}`
        : `${USER} has no grant for ${PATTERN} any more`,
    );
    return 0;
  },
};
