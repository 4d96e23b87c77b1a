import { type Call, type Command, jsonOption, namedPositionals } from '../command.ts';
import { UsageError } from '../errors.ts';
import { printJson, printLine, printTable } from '../output.ts';
import { withAdmin } from '../with-admin.ts';

export const command: Command = {
  summary: 'list the devices that are logged in, and log them out',
  usage: ['session list [--user NAME] [--json]', 'session revoke ID', 'session revoke --user NAME'],
  description:
    'A session is what docker login leaves on a device in place of the password: a refresh token. Revoked, it and every\ntoken that came of it end with the next request. A new password ends all sessions of a user.',
  options: {
    user: { type: 'string', value: 'NAME', description: 'of this user only; revoke: all of this user' },
    ...jsonOption,
  },
  examples: [
    ['session list', 'every device that is logged in'],
    ['session list --user alice --json', "alice's, for a script"],
    ['session revoke 4fT9cPq2LmXa', 'log one device out'],
    ['session revoke --user alice', "log all of alice's devices out"],
  ],
  async run(call) {
    const [verb = '', ...rest] = call.positionals;
    if (verb === 'list') await list({ ...call, positionals: rest });
    else if (verb === 'revoke') await revoke({ ...call, positionals: rest });
    else throw new UsageError('expected one of: list, revoke');
    return 0;
  },
};

async function list(call: Call): Promise<void> {
  namedPositionals(call.positionals, []);
  const sessions = await withAdmin(call, (admin) => admin.listSessions(call.values.get('user')));
  if (call.given.has('json')) return printJson(sessions);
  printTable(
    ['id', 'user', 'client', 'login from', 'service', 'created', 'last used', 'from', 'ends'],
    sessions.map(({ id, user, client, address, service = '', ...times }) => [
      id,
      user,
      client,
      address,
      service,
      times.createdAt,
      times.lastUsedAt ?? 'never',
      times.lastUsedFrom ?? '',
      times.expiresAt,
    ]),
  );
}

async function revoke(call: Call): Promise<void> {
  if (call.given.has('json')) throw new UsageError('--json does not go with session revoke');
  const user = call.values.get('user');
  if (user === undefined) {
    const { ID } = namedPositionals(call.positionals, ['ID']);
    await withAdmin(call, (admin) => admin.revokeSession(ID));
    return printLine(`session ${ID} revoked`);
  }
  namedPositionals(call.positionals, []);
  const count = await withAdmin(call, (admin) => admin.revokeSessions(user));
  printLine(`${count === 1 ? '1 session' : `${count} sessions`} of ${user} revoked`);
}
