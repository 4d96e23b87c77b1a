import { type Call, type Command, jsonOption, namedPositionals } from '../command.ts';
import { UsageError } from '../errors.ts';
import { printJson, printLine, printTable } from '../output.ts';
import {
  endText,
  limitText,
  orDash,
  parseExpiry,
  parseLimit,
  printSecret,
  secretOptions,
} from '../secrets.ts';
import { runVerb, type Verb } from '../verbs.ts';
import { withAdmin } from '../with-admin.ts';

const defaultExpiry = '90d';

export const command: Command = {
  summary: 'personal access tokens: create, list, revoke',
  usage: [
    'token create --user USER --name NAME --rights RIGHTS [--expires DURATION] [--json]',
    'token list [--user USER] [--json]',
    'token revoke ID',
  ],
  description:
    'A token stands in for the password of its user, everywhere: docker login -u USER, with the token as the\npassword. It may what its user may, as far as --rights go. It is shown once. A revoked one ends at once, and\nwhat was issued for it.',
  options: {
    user: { type: 'string', value: 'USER', description: 'create, list: whose' },
    name: { type: 'string', value: 'NAME', description: 'create: to know it by, such as "laptop"' },
    ...secretOptions,
    expires: {
      ...secretOptions.expires,
      description: `create: such as 90d, or: never (default ${defaultExpiry})`,
    },
    ...jsonOption,
  },
  examples: [
    ['token create --user alice --name laptop --rights all', 'all that alice may, for 90 days'],
    ["token create --user alice --name ci --rights 'alice/**=pull' --expires 7d", 'to pull her images'],
    ['token list --user alice', 'with ids, and when and from where they were last used'],
    ['token revoke 3xQ0aK2bVw9T', 'end one; what was found in the open may be pasted whole'],
  ],
  run: (call) => runVerb('token', verbs, call),
};

const verbs: Record<string, Verb> = {
  create: { options: ['user', 'name', 'rights', 'expires', 'json'], run: create },
  list: { options: ['user', 'json'], run: list },
  revoke: { options: [], run: revoke },
};

async function create(call: Call): Promise<void> {
  namedPositionals(call.positionals, []);
  const [user, name, rights] = ['user', 'name', 'rights'].map((option) => needed(call, option)) as [
    string,
    string,
    string,
  ];
  const options = {
    rights: parseLimit(rights),
    expiresAt: parseExpiry(call.values.get('expires') ?? defaultExpiry),
  };
  const issued = await withAdmin(call, (admin) => admin.createToken(user, name, options));
  printSecret(call, `token "${name}" of ${user}`, issued);
}

async function list(call: Call): Promise<void> {
  namedPositionals(call.positionals, []);
  const tokens = await withAdmin(call, (admin) => admin.listTokens(call.values.get('user')));
  if (call.given.has('json')) return printJson(tokens);
  printTable(
    ['id', 'user', 'name', 'limited to', 'created', 'expires', 'last used', 'from'],
    tokens.map((token) => [
      token.id,
      token.user,
      token.name,
      limitText(token.rights),
      token.createdAt,
      endText(token.expiresAt),
      orDash(token.lastUsedAt),
      orDash(token.lastUsedFrom),
    ]),
  );
}

async function revoke(call: Call): Promise<void> {
  const { ID } = namedPositionals(call.positionals, ['ID']);
  const { id, name, user } = await withAdmin(call, (admin) => admin.revokeToken(ID));
  printLine(`token "${name}" of ${user} (${id}) revoked`);
}

function needed(call: Call, option: string): string {
  const value = call.values.get(option);
  if (value === undefined) throw new UsageError(`--${option} is needed`);
  return value;
}
