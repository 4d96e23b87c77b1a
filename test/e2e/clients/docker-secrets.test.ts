import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { openDatabase } from '../../../runtime/sqlite.ts';
import { type DockerEngine, missingDocker, startDockerEngine } from '../../support/docker.ts';
import { type Gatehouse, startGatehouse } from '../../support/gatehouse.ts';
import { buildWithDocker, layerFiles } from '../../support/images.ts';
import { fileScope, onEnd } from '../../support/scope.ts';

describe('docker with a personal token or as a robot', { skip: missingDocker() }, () => {
  let gatehouse: Gatehouse;
  let engine: DockerEngine;

  before(async () => {
    gatehouse = await startGatehouse(fileScope, { env: { GATEHOUSE_AUTH_BCRYPT_COST: '8' } });
    await gatehouse.addUser('alice', 'password-of-alice');
    engine = await startDockerEngine(fileScope);
    await buildWithDocker(engine, 'small:1', layerFiles('docker secrets'));
  });

  async function login(user: string, secret: string): Promise<void> {
    const { code, stderr } = await engine.login(gatehouse.host, user, secret);
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stderr, /gatehouse_/);
  }

  /** `docker push` under a name; what docker says when it fails. */
  async function push(name: string): Promise<{ code: number | null; stderr: string }> {
    const reference = `${gatehouse.host}/${name}`;
    await engine.ok(['tag', 'small:1', reference]);
    return engine.docker(['push', reference]);
  }

  /** The secret alone is on standard output, as for `> file`. */
  const made = async (args: string[]) => (await gatehouse.cliOk(args)).trim();
  const idOf = (secret: string) => secret.replace(/^gatehouse_[a-z]+_/, '').slice(0, 12);

  test('a personal token logs in, is limited, and ends at once for who is logged in', async () => {
    const rights = 'alice/ci/**=pull,push';
    const secret = await made(['token', 'create', '--user', 'alice', '--name', 'ci', '--rights', rights]);
    assert.match(secret, /^gatehouse_pat_[0-9A-Za-z]{47}$/);
    await login('alice', secret);
    assert.equal((await push('alice/ci/app:1')).code, 0);
    await engine.ok(['pull', `${gatehouse.host}/alice/ci/app:1`]);
    const beyond = await push('alice/other:1');
    assert.notEqual(beyond.code, 0);
    assert.match(beyond.stderr, /denied/i);
    await gatehouse.cliOk(['token', 'revoke', idOf(secret)]);
    const revoked = await engine.docker(['pull', `${gatehouse.host}/alice/ci/app:1`]);
    assert.notEqual(revoked.code, 0);
    assert.match(revoked.stderr, /unauthorized/i);
    assert.notEqual((await engine.login(gatehouse.host, 'alice', secret)).code, 0);
  });

  test('a robot logs in by its name, pushes and pulls, until it is disabled', async () => {
    const secret = await made([
      'robot',
      'create',
      'ci',
      '--rights',
      'team-a/**=pull,push',
      '--expires',
      '1d',
    ]);
    await login('robot+ci', secret);
    assert.equal((await push('team-a/app:1')).code, 0);
    await engine.ok(['pull', `${gatehouse.host}/team-a/app:1`]);
    assert.match((await push('ci/app:1')).stderr, /denied/i);
    await gatehouse.cliOk(['robot', 'disable', 'ci']);
    assert.match((await push('team-a/app:1')).stderr, /unauthorized/i);
    await gatehouse.cliOk(['robot', 'enable', 'ci']);
    const other = await made(['robot', 'rotate', 'ci']);
    assert.notEqual((await engine.login(gatehouse.host, 'robot+ci', secret)).code, 0);
    await login('robot+ci', other);
    assert.equal((await push('team-a/app:1')).code, 0);
  });

  test('lists say when and from where they were last used, and users.db did not change for it', async () => {
    const secret = await made(['token', 'create', '--user', 'alice', '--name', 'seen', '--rights', 'all']);
    const unused = JSON.parse(await gatehouse.cliOk(['token', 'list', '--user', 'alice', '--json']));
    assert.deepEqual([unused[0].name, unused[0].lastUsedAt, unused[0].lastUsedFrom], ['seen', null, null]);
    const startedAt = Date.now() - 1000;
    const users = openDatabase(join(gatehouse.data, 'users.db'));
    onEnd(fileScope, () => users.close());
    const version = () => users.pragma('data_version', { simple: true });
    const unchanged = version();
    await login('alice', secret);
    assert.equal((await push('alice/app:1')).code, 0);
    const used = await eventuallyUsed(['token', 'list', '--user', 'alice', '--json']);
    assert.ok(Date.parse(used.lastUsedAt) >= startedAt, used.lastUsedAt);
    assert.match(used.lastUsedFrom, /^(127\.0\.0\.1|::1)$/);
    assert.equal(version(), unchanged);
    const robot = await eventuallyUsed(['robot', 'list', '--json']);
    assert.match(robot.lastUsedFrom, /^(127\.0\.0\.1|::1)$/);
  });

  /** What is recorded is in audit.db within a second. */
  async function eventuallyUsed(args: string[]): Promise<{ lastUsedAt: string; lastUsedFrom: string }> {
    for (let attempt = 0; attempt < 50; attempt++) {
      const [row] = JSON.parse(await gatehouse.cliOk(args));
      if (row.lastUsedAt !== null) return row;
    }
    throw new Error(`${args.join(' ')} shows no use`);
  }
});
