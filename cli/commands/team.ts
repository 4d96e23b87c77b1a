import { type Call, type Command, jsonOption, namedPositionals } from '../command.ts';
import { printJson, printLine, printTable } from '../output.ts';
import { runVerb, type Verb } from '../verbs.ts';
import { withAdmin } from '../with-admin.ts';

export const command: Command = {
  summary: 'teams of users, to whom rights can be given',
  usage: ['team create|delete TEAM', 'team add|remove TEAM USER', 'team list [--json]'],
  description:
    'What is granted to team:NAME, every member may. Users and teams share one set of names. All of it takes\neffect at once.',
  options: jsonOption,
  examples: [
    ['team create dev', 'a team without members'],
    ['team add dev alice', 'alice becomes a member'],
    ["grant team:dev 'dev/**' pull,push", 'what all of them may'],
    ['team remove dev alice', 'she loses at once what she had through it'],
    ['team delete dev', 'the team and its grants; its members stay'],
  ],
  run: (call) => runVerb('team', verbs, call),
};

const verbs: Record<string, Verb> = {
  create: { options: [], run: create },
  add: { options: [], run: add },
  remove: { options: [], run: remove },
  list: { options: ['json'], run: list },
  delete: { options: [], run: deleteTeam },
};

async function create(call: Call): Promise<void> {
  const { TEAM } = namedPositionals(call.positionals, ['TEAM']);
  await withAdmin(call, (admin) => admin.createTeam(TEAM));
  printLine(`team ${TEAM} created; give it rights with: gatehouse grant team:${TEAM} PATTERN ACTIONS`);
}

async function deleteTeam(call: Call): Promise<void> {
  const { TEAM } = namedPositionals(call.positionals, ['TEAM']);
  await withAdmin(call, (admin) => admin.deleteTeam(TEAM));
  printLine(`team ${TEAM} deleted, with what was granted to it`);
}

async function add(call: Call): Promise<void> {
  const { TEAM, USER } = namedPositionals(call.positionals, ['TEAM', 'USER']);
  const isNew = await withAdmin(call, (admin) => admin.addMember(TEAM, USER));
  printLine(`${USER} is ${isNew ? 'now' : 'already'} a member of ${TEAM}`);
}

async function remove(call: Call): Promise<void> {
  const { TEAM, USER } = namedPositionals(call.positionals, ['TEAM', 'USER']);
  await withAdmin(call, (admin) => admin.removeMember(TEAM, USER));
  printLine(`${USER} is no member of ${TEAM} any more`);
}

async function list(call: Call): Promise<void> {
  namedPositionals(call.positionals, []);
  const teams = await withAdmin(call, (admin) => admin.listTeams());
  if (call.given.has('json')) return printJson(teams);
  printTable(
    ['team', 'members', 'created'],
    teams.map(({ name, members, createdAt }) => [name, members.join(',') || '-', createdAt]),
  );
}
