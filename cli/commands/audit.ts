import type { Call, Command } from '../command.ts';
import { jsonOption, namedPositionals } from '../command.ts';

export const command: Command = {
  summary: 'who did what, when, and from where',
  usage: [
    'audit [--user NAME] [--repo PATTERN] [--action ACTION] [--address ADDRESS]\n          [--since TIME] [--until TIME] [-n N] [--follow] [--json]',
    'audit --verify [--head HASH] [--json]',
  ],
  description:
    'Reads the audit trail, whether or not the server runs: logins, pulls, pushes, deletions, refusals, and every\nchange of users and rights. TIME is an age (90m, 7d) or a time (2026-01-31, 2026-01-31T08:00:00Z).\nWhat happened less than a second ago may be missing.\n--verify walks the chain of hashes over all of it. Keep the head that it prints elsewhere, and a later\n--verify --head HASH tells whether what was written until then is still there. Exit code 1: it is not.',
  options: {
    user: { type: 'string', value: 'NAME', description: 'done by, or to, a user, team or robot' },
    repo: { type: 'string', value: 'PATTERN', description: "in these repositories: 'team/**'" },
    action: {
      type: 'string',
      value: 'ACTION',
      description: 'push, or user for all of user.add, user.remove …',
    },
    address: { type: 'string', value: 'ADDRESS', description: 'from this address' },
    since: { type: 'string', value: 'TIME', description: 'not older' },
    until: { type: 'string', value: 'TIME', description: 'not newer' },
    limit: { type: 'string', short: 'n', value: 'N', description: 'the newest N of them (100; 0: all)' },
    follow: {
      type: 'boolean',
      short: 'f',
      description: 'go on with new ones as they come, until interrupted',
    },
    verify: { type: 'boolean', description: 'check that nothing was changed' },
    head: { type: 'string', value: 'HASH', description: 'verify: the head of an earlier time' },
    ...jsonOption,
  },
  examples: [
    ['audit --since 1h', 'what happened in the last hour?'],
    ["audit --repo 'team/**' --action push -n 5", 'the last five pushes'],
    ['audit --user alice --action login.failed', 'failed logins of alice'],
    ['audit --follow --json', 'a line of JSON for each, as they come'],
  ],
  async run(call: Call) {
    namedPositionals(call.positionals, []);
    const { runAudit } = await import('../audit-list.ts');
    return await runAudit(call);
  },
};
