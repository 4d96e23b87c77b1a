import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { eventually } from '../../supervisor/support.ts';
import {
  type DockerEngine,
  missingDocker,
  pushRemoveAndPull,
  removeImages,
  startDockerEngine,
} from '../../support/docker.ts';
import { temporaryDirectory } from '../../support/files.ts';
import { type Gatehouse, startGatehouse } from '../../support/gatehouse.ts';
import { buildWithDocker, layerFiles } from '../../support/images.ts';
import { fileScope, type Scope } from '../../support/scope.ts';

/** What `docker login` leaves on a device, and what becomes of it. */
describe('docker login', { skip: missingDocker() }, () => {
  let gatehouse: Gatehouse;

  before(async () => {
    gatehouse = await startGatehouse(fileScope);
    await gatehouse.addUser('alice', 'a quiet afternoon');
  });

  interface Device extends DockerEngine {
    /** The entry of the registry in its `config.json`. */
    stored(): Promise<{ auth?: string; identitytoken?: string } | undefined>;
  }

  async function device(t: Scope): Promise<Device> {
    const directory = await temporaryDirectory(t, 'docker-config');
    const engine = await startDockerEngine(t, { env: { DOCKER_CONFIG: directory } });
    const stored = async () =>
      JSON.parse(await readFile(join(directory, 'config.json'), 'utf8')).auths[gatehouse.host];
    return { ...engine, stored };
  }

  async function logIn(engine: DockerEngine): Promise<void> {
    const login = await engine.login(gatehouse.host, 'alice', 'a quiet afternoon');
    assert.equal(login.code, 0, login.stderr);
  }

  const sessions = async () =>
    JSON.parse(await gatehouse.cliOk(['session', 'list', '--user', 'alice', '--json'])) as {
      id: string;
      client: string;
      lastUsedFrom: string | null;
    }[];

  test('a refresh token takes the place of the password, and works until it is revoked', async (t) => {
    const engine = await device(t);
    await logIn(engine);
    const { auth = '', identitytoken } = (await engine.stored())!;
    assert.match(identitytoken!, /^gatehouse_refresh_/);
    assert.doesNotMatch(Buffer.from(auth, 'base64').toString(), /a quiet afternoon/);
    const [session, ...others] = await sessions();
    assert.deepEqual([session?.client, others], ['docker', []]);

    const reference = `${gatehouse.host}/alice/tool:1`;
    await buildWithDocker(engine, 'tool:1', layerFiles('docker login'));
    await pushRemoveAndPull(engine, 'tool:1', reference);

    // No access token that is out is good any more: as after their time, it needs another one.
    await gatehouse.cliOk(['key', 'rotate', '--revoke']);
    await removeImages(engine);
    await engine.ok(['pull', reference]);
    await removeImages(engine);
    await engine.ok(['pull', reference]);
    assert.equal((await engine.stored())!.identitytoken, identitytoken);
    assert.equal((await sessions()).length, 1);
    const used = async () => (await sessions())[0]!.lastUsedFrom;
    assert.match(await eventually('the use is written down', used), /^(127\.0\.0\.1|::1)$/);

    await gatehouse.cliOk(['session', 'revoke', session!.id]);
    await removeImages(engine);
    const refused = await engine.docker(['pull', reference]);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /unauthorized/i);
    await logIn(engine);
    await engine.ok(['pull', reference]);
  });

  test('each device has its own; a new password ends them all', async (t) => {
    await gatehouse.cliOk(['session', 'revoke', '--user', 'alice']);
    const [laptop, desktop] = [await device(t), await device(t)];
    await logIn(laptop);
    await logIn(desktop);
    assert.equal((await sessions()).length, 2);
    const reference = `${gatehouse.host}/alice/own:1`;
    await buildWithDocker(laptop, 'own:1', layerFiles('docker devices'));
    await pushRemoveAndPull(laptop, 'own:1', reference);
    await desktop.ok(['pull', reference]);
    const input = 'another-password\n';
    await gatehouse.cliOk(['user', 'passwd', 'alice', '--password-stdin'], { input });
    for (const engine of [laptop, desktop]) {
      await removeImages(engine);
      assert.match((await engine.docker(['pull', reference])).stderr, /unauthorized/i);
    }
    assert.deepEqual(await sessions(), []);
  });
});
