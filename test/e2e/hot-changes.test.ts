import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { type Admin, openAdmin } from '../../gateway/admin.ts';
import { loadConfig } from '../../runtime/config.ts';
import { callControl } from '../../runtime/control.ts';
import { type Gatehouse, startGatehouse } from '../support/gatehouse.ts';
import { as } from '../support/http.ts';
import { type AskAll, keepConnections } from '../support/kept-connections.ts';
import { pushImage } from '../support/push.ts';
import { fileScope, onEnd } from '../support/scope.ts';
import { withToken } from '../support/token.ts';

const repository = 'secret/app';
const manifest = `/v2/${repository}/manifests/v1`;
const pull = `repository:${repository}:pull`;
const connections = 4;

interface Login {
  user: string;
  password: string;
}

/** What is changed by the command line in a process of its own, and what the very next requests say. */
interface Change {
  what: string;
  /** Makes somebody who may pull, or may not yet. */
  prepare(admin: Admin, name: string): Promise<Login>;
  command(login: Login, admin: Admin): Promise<string[]> | string[];
  input?: string;
  /** Status with Basic, and with a Bearer token that was issued before. */
  before: number;
  after: number;
}

interface Status {
  workers: { requests: { total: number } }[];
}

const changes: Change[] = [
  {
    what: 'a grant',
    prepare: person,
    command: ({ user }) => ['grant', user, repository, 'pull'],
    before: 403,
    after: 200,
  },
  {
    what: 'a grant taken back',
    prepare: puller,
    command: ({ user }) => ['revoke', user, repository],
    before: 200,
    after: 403,
  },
  {
    what: 'a grant to everybody taken back',
    prepare: async (admin, name) => {
      await admin.grant('authenticated', 'secret/**', ['pull']);
      return person(admin, name);
    },
    command: () => ['revoke', 'authenticated', 'secret/**'],
    before: 200,
    after: 403,
  },
  {
    what: 'a member who comes',
    prepare: async (admin, name) => {
      await teamOf(admin, name);
      return person(admin, name);
    },
    command: ({ user }) => ['team', 'add', `${user}-team`, user],
    before: 403,
    after: 200,
  },
  {
    what: 'a member who is removed',
    prepare: member,
    command: ({ user }) => ['team', 'remove', `${user}-team`, user],
    before: 200,
    after: 403,
  },
  {
    what: 'a team that is deleted',
    prepare: member,
    command: ({ user }) => ['team', 'delete', `${user}-team`],
    before: 200,
    after: 403,
  },
  { what: 'a robot that is disabled', prepare: robot, command: onRobot('disable'), before: 200, after: 401 },
  { what: 'a robot with a new secret', prepare: robot, command: onRobot('rotate'), before: 200, after: 401 },
  { what: 'a robot that is removed', prepare: robot, command: onRobot('remove'), before: 200, after: 401 },
  {
    what: 'a personal token that is revoked',
    prepare: async (admin, name) => {
      const { user } = await puller(admin, name);
      const { secret } = await admin.createToken(user, 'laptop', { expiresAt: null });
      return { user, password: secret };
    },
    command: async ({ user }, admin) => ['token', 'revoke', (await admin.listTokens(user))[0]!.id],
    before: 200,
    after: 401,
  },
  {
    what: 'a user who is disabled',
    prepare: puller,
    command: ({ user }) => ['user', 'disable', user],
    before: 200,
    after: 401,
  },
  {
    what: 'another password',
    prepare: puller,
    command: ({ user }) => ['user', 'passwd', user, '--password-stdin'],
    input: 'another password\n',
    before: 200,
    after: 401,
  },
  {
    what: 'a user who is removed',
    prepare: puller,
    command: ({ user }) => ['user', 'remove', user],
    before: 200,
    after: 401,
  },
];

async function person(admin: Admin, user: string): Promise<Login> {
  const password = `password of ${user}`;
  await admin.addUser(user, password);
  return { user, password };
}

async function puller(admin: Admin, name: string): Promise<Login> {
  const login = await person(admin, name);
  await admin.grant(name, repository, ['pull']);
  return login;
}

async function teamOf(admin: Admin, name: string): Promise<void> {
  await admin.createTeam(`${name}-team`);
  await admin.grant(`team:${name}-team`, 'secret/**', ['pull']);
}

async function member(admin: Admin, name: string): Promise<Login> {
  await teamOf(admin, name);
  const login = await person(admin, name);
  await admin.addMember(`${name}-team`, name);
  return login;
}

async function robot(admin: Admin, name: string): Promise<Login> {
  const rights = [{ pattern: 'secret/**', actions: ['pull' as const] }];
  const { user, secret } = await admin.addRobot(name, { rights, expiresAt: null });
  return { user, password: secret };
}

function onRobot(verb: string): Change['command'] {
  return ({ user }) => ['robot', verb, user];
}

for (const workers of [1, 2]) {
  describe(`a change by the command line is there at the next request, ${workers} worker(s)`, () => {
    let gatehouse: Gatehouse;
    let admin: Admin;
    let askAll: AskAll;

    before(async () => {
      const env = { GATEHOUSE_GATEWAY_WORKERS: String(workers), GATEHOUSE_AUTH_BCRYPT_COST: '8' };
      gatehouse = await startGatehouse(fileScope, { env });
      await pushImage(gatehouse, repository, 'v1');
      const flags = { data: gatehouse.data, 'auth.bcrypt_cost': '8' };
      admin = await openAdmin(loadConfig({ environment: {}, flags }).config);
      onEnd(fileScope, () => admin.close());
      askAll = keepConnections(fileScope, gatehouse, connections);
    });

    /** The status that all of them say; all on connections that are old, whichever worker has them. */
    async function heard(path: string, authorization: string, isFirst = false): Promise<number> {
      const answers = await askAll(path, authorization);
      if (!isFirst)
        assert.ok(
          answers.every(({ reused }) => reused),
          'on connections that were open before',
        );
      assert.equal(new Set(answers.map(({ status }) => status)).size, 1, JSON.stringify(answers));
      return answers[0]!.status;
    }

    for (const [index, { what, prepare, command, input, before: wasBefore, after }] of changes.entries()) {
      test(what, async () => {
        const login = await prepare(admin, `somebody-${index}`);
        const target = as(gatehouse, login.user, login.password);
        const basic = `Basic ${Buffer.from(`${login.user}:${login.password}`).toString('base64')}`;
        const scope = `${pull} registry:catalog:*`;
        const bearer = (await withToken(target, scope)).headers!['authorization']!;
        const args = await command(login, admin);
        // A token is not issued for what is not granted yet; what it may list shows that the grant is known.
        const path = wasBefore === 403 ? '/v2/_catalog' : manifest;
        const isListed = async () =>
          (await askAll(path, bearer)).map(({ text }) => text.includes(repository));
        await heard('/v2/', basic, true);
        for (let round = 0; round < 3; round++) {
          assert.equal(await heard(manifest, basic), wasBefore);
          assert.equal(await heard(path, bearer), 200);
        }
        if (wasBefore === 403) assert.ok((await isListed()).every((listed) => !listed));

        await gatehouse.cliOk(args, input === undefined ? {} : { input });

        const [withBearer, withBasic] = await Promise.all([askAll(path, bearer), askAll(manifest, basic)]);
        for (const { status, text } of withBasic) assert.equal(status, after, text);
        if (wasBefore === 403) assert.ok(withBearer.every(({ text }) => text.includes(repository)));
        else for (const { status, text } of withBearer) assert.equal(status, after, text);
      });
    }

    if (workers === 1) return;
    test('every worker was asked', async () => {
      const path = join(gatehouse.data, 'run', 'gateway.sock');
      const status = (await callControl(path, 'GET', '/status')) as Status;
      const asked = status.workers.filter(({ requests }) => requests.total > changes.length * connections);
      assert.equal(asked.length, workers);
    });
  });
}
