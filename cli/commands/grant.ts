import { type Command, jsonOption, namedPositionals } from '../command.ts';
import { printJson, printLine, printTable } from '../output.ts';
import { parseActions, withAdmin } from '../with-admin.ts';

export const command: Command = {
  summary: 'give rights, or list them',
  usage: ['grant SUBJECT PATTERN ACTIONS', 'grant [SUBJECT] [--json]'],
  description:
    'Lets somebody pull, push or delete in the repositories that a pattern matches; admin is all of it, and to give\nrights within the pattern to others. `*` stands for a part of one component, `**` for any number of them.\nSUBJECT is a user, `team:NAME`, `robot+NAME`, `anonymous` (everybody, without login) or `authenticated`\n(everybody who logged in). Without PATTERN: lists what is granted.',
  options: jsonOption,
  examples: [
    ["grant alice 'team/**' pull,push", 'alice may pull and push in team/…'],
    ["grant team:dev 'dev/**' pull,push,delete", 'every member of the team may'],
    ["grant anonymous 'public/**' pull", 'everybody may pull from public/…'],
    ['grant alice', 'what was granted to alice?'],
    ['grant --json', 'all grants, for a script'],
  ],
  async run(call) {
    if (call.positionals.length < 2) {
      const grants = await withAdmin(call, (admin) => admin.listGrants(call.positionals[0]));
      if (call.given.has('json')) printJson(grants);
      else
        printTable(
          ['subject', 'pattern', 'actions'],
          grants.map(({ subject, pattern, actions }) => [subject, pattern, actions.join(',')]),
        );
      return 0;
    }
    const { SUBJECT, PATTERN, ACTIONS } = namedPositionals(call.positionals, [
      'SUBJECT',
      'PATTERN',
      'ACTIONS',
    ]);
    const actions = parseActions(ACTIONS);
    const grant = await withAdmin(call, (admin) => admin.grant(SUBJECT, PATTERN, actions));
    if (call.given.has('json')) printJson(grant);
    else printLine(`${grant.subject} may ${grant.actions.join(', ')} in ${grant.pattern}`);
    return 0;
  },
};
