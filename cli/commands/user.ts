import { type Call, type Command, jsonOption, namedPositionals } from '../command.ts';
import { printJson, printLine, printTable } from '../output.ts';
import { newPassword } from '../password.ts';
import { changeOf, runVerb, type Verb } from '../verbs.ts';
import { withAdmin } from '../with-admin.ts';

export const command: Command = {
  summary: 'add, list, disable, enable and remove users; set passwords',
  usage: [
    'user add NAME [--admin] [--password-stdin]',
    'user list [--json]',
    'user passwd NAME [--password-stdin]',
    'user disable|enable|remove NAME',
  ],
  description:
    'Passwords are asked for at the terminal without echo, or read from standard input (its first line). They are\nnever an argument. All of it works while the server runs, and takes effect at once.',
  options: {
    admin: { type: 'boolean', description: 'add: may do everything, in every repository' },
    'password-stdin': {
      type: 'boolean',
      description: 'add, passwd: the password is the first line of stdin',
    },
    ...jsonOption,
  },
  examples: [
    ['user add alice', 'add alice; asks for her password'],
    ['user add ci --password-stdin < ci.password', 'the password comes from a file'],
    ['user passwd alice', 'set a new password; the old one ends at once'],
    ['user disable alice', 'no more access, everything else stays'],
    ['user list --json', 'all users, for a script'],
  ],
  async run(call) {
    return runVerb('user', verbs, call);
  },
};

const verbs: Record<string, Verb> = {
  add: { options: ['admin', 'password-stdin'], run: add },
  list: { options: ['json'], run: list },
  passwd: { options: ['password-stdin'], run: passwd },
  disable: changeOf('user', 'disabled', (admin, name) => admin.setEnabled(name, false)),
  enable: changeOf('user', 'enabled', (admin, name) => admin.setEnabled(name, true)),
  remove: changeOf('user', 'removed', (admin, name) => admin.removeUser(name)),
};

async function add(call: Call): Promise<void> {
  const { NAME } = namedPositionals(call.positionals, ['NAME']);
  await withAdmin(call, async (admin) => {
    const password = await newPassword(NAME, call.given.has('password-stdin'));
    await admin.addUser(NAME, password, { admin: call.given.has('admin') });
  });
  printLine(`user ${NAME} added`);
}

async function passwd(call: Call): Promise<void> {
  const { NAME } = namedPositionals(call.positionals, ['NAME']);
  await withAdmin(call, async (admin) => {
    await admin.setPassword(NAME, await newPassword(NAME, call.given.has('password-stdin')));
  });
  printLine(`password of ${NAME} set`);
}

async function list(call: Call): Promise<void> {
  namedPositionals(call.positionals, []);
  const users = await withAdmin(call, (admin) => admin.listUsers());
  if (call.given.has('json')) return printJson(users);
  printTable(
    ['name', 'role', 'state', 'password', 'created'],
    users.map(({ name, admin, enabled, source, createdAt }) => [
      name,
      admin ? 'admin' : 'user',
      enabled ? 'enabled' : 'disabled',
      source,
      createdAt,
    ]),
  );
}
