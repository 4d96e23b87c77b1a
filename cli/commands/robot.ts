import { type Call, type Command, jsonOption, namedPositionals } from '../command.ts';
import { printJson, printTable } from '../output.ts';
import {
  endText,
  limitText,
  orDash,
  parseExpiry,
  parseLimit,
  printSecret,
  secretOptions,
} from '../secrets.ts';
import { changeOf, runVerb, type Verb } from '../verbs.ts';
import { withAdmin } from '../with-admin.ts';

const defaultExpiry = '365d';

export const command: Command = {
  summary: 'accounts for machines: create, list, rotate, disable, remove',
  usage: [
    'robot create NAME [--rights RIGHTS] [--expires DURATION] [--owner NAME] [--description TEXT] [--json]',
    'robot rotate NAME [--expires DURATION] [--json]',
    'robot disable|enable|remove NAME',
    'robot list [--json]',
  ],
  description:
    'A robot logs in as robot+NAME, with a secret that is shown once. --rights are granted to it and limit it for\never, whatever else is granted; without them it may what `gatehouse grant robot+NAME` gives it. `rotate` makes\na new secret and ends the old one at once.',
  options: {
    ...secretOptions,
    expires: {
      ...secretOptions.expires,
      description: `create, rotate: such as 90d, or: never (default ${defaultExpiry})`,
    },
    owner: {
      type: 'string',
      value: 'NAME',
      description: 'create: user or team:NAME who is responsible for it',
    },
    description: { type: 'string', value: 'TEXT', description: 'create: what it is for' },
    ...jsonOption,
  },
  examples: [
    ["robot create ci --rights 'team-a/**=pull,push'", 'prints the secret of robot+ci'],
    ["grant robot+ci 'team-a/app' delete", 'more, where --rights did not limit it'],
    ['robot rotate ci > ci.secret', 'a new secret, into a file'],
    ['robot disable ci', 'no more access, everything else stays'],
  ],
  run: (call) => runVerb('robot', verbs, call),
};

const verbs: Record<string, Verb> = {
  create: { options: ['rights', 'expires', 'owner', 'description', 'json'], run: create },
  list: { options: ['json'], run: list },
  rotate: { options: ['expires', 'json'], run: rotate },
  disable: changeOf('robot', 'disabled', (admin, name) => admin.setRobotEnabled(name, false)),
  enable: changeOf('robot', 'enabled', (admin, name) => admin.setRobotEnabled(name, true)),
  remove: changeOf('robot', 'removed', (admin, name) => admin.removeRobot(name)),
};

async function create(call: Call): Promise<void> {
  const { NAME } = namedPositionals(call.positionals, ['NAME']);
  const { values } = call;
  const owner = values.get('owner');
  const description = values.get('description');
  const options = {
    rights: parseLimit(values.get('rights') ?? 'all'),
    expiresAt: parseExpiry(values.get('expires') ?? defaultExpiry),
    ...(owner !== undefined && { owner }),
    ...(description !== undefined && { description }),
  };
  const issued = await withAdmin(call, (admin) => admin.addRobot(NAME, options));
  printSecret(call, `secret of ${issued.user}`, issued);
}

async function rotate(call: Call): Promise<void> {
  const { NAME } = namedPositionals(call.positionals, ['NAME']);
  const expiresAt = parseExpiry(call.values.get('expires') ?? defaultExpiry);
  const issued = await withAdmin(call, (admin) => admin.rotateRobot(NAME, expiresAt));
  printSecret(call, `new secret of ${issued.user}`, issued);
}

async function list(call: Call): Promise<void> {
  namedPositionals(call.positionals, []);
  const robots = await withAdmin(call, (admin) => admin.listRobots());
  if (call.given.has('json')) return printJson(robots);
  printTable(
    ['name', 'state', 'limited to', 'expires', 'last used', 'from', 'owner', 'description'],
    robots.map((robot) => [
      robot.name,
      robot.enabled ? 'enabled' : 'disabled',
      limitText(robot.rights),
      endText(robot.expiresAt),
      orDash(robot.lastUsedAt),
      orDash(robot.lastUsedFrom),
      orDash(robot.owner),
      orDash(robot.description),
    ]),
  );
}
