import type { Call, Command } from '../command.ts';
import { jsonOption } from '../command.ts';

export const command: Command = {
  summary: 'who is near a limit',
  usage: [
    'limits [--account NAME] [--address ADDRESS] [--json]',
    'limits reset (--account NAME | --address ADDRESS | --all) [--json]',
  ],
  description:
    'Shows what of the budgets is used, nearest to the limit first, and which logins are locked. The gateway has to\nrun. reset forgets what was counted, failed logins too; uploads and connections under way go on to count.',
  options: {
    account: { type: 'string', value: 'NAME', description: 'of this user or robot' },
    address: { type: 'string', value: 'ADDRESS', description: 'of this address (IPv6: its /64)' },
    all: { type: 'boolean', description: 'reset: of everybody' },
    ...jsonOption,
  },
  examples: [
    ['limits', 'who has used up what?'],
    ['limits --account ci', 'how much has ci left?'],
    ['limits reset --account alice', 'let alice in again'],
  ],
  async run(call: Call) {
    const { runLimits } = await import('../limits-list.ts');
    return await runLimits(call);
  },
};
