import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { curlAs } from '../../support/curl.ts';
import { missingDocker, pushRemoveAndPull, startDockerEngine } from '../../support/docker.ts';
import { temporaryDirectory } from '../../support/files.ts';
import { type Gatehouse, startGatehouse } from '../../support/gatehouse.ts';
import { as, request } from '../../support/http.ts';
import { buildWithDocker, layerFiles } from '../../support/images.ts';
import { runOk } from '../../support/processes.ts';
import { fileScope } from '../../support/scope.ts';
import { missingTool } from '../../support/tools.ts';

/** Two workers, so that what one of them knows is not what the other knows. */
describe('an htpasswd file', { skip: missingTool('htpasswd', 'curl') }, () => {
  let file: string;
  let gatehouse: Gatehouse;
  const htpasswd = (...args: string[]) => runOk('htpasswd', args);
  const set = (name: string, password: string) => htpasswd('-bB', '-C', '6', file, name, password);

  before(async () => {
    file = join(await temporaryDirectory(fileScope, 'htpasswd'), 'users');
    await htpasswd('-cbB', '-C', '6', file, 'carol', 'password-of-carol');
    await set('dave', 'password-of-dave');
    const env = {
      GATEHOUSE_AUTH_HTPASSWD_FILE: file,
      GATEHOUSE_GATEWAY_WORKERS: '2',
      GATEHOUSE_AUTH_BCRYPT_COST: '8',
    };
    gatehouse = await startGatehouse(fileScope, { env });
  });

  /** On new connections, which go to the workers in turn. */
  async function statuses(path: string, authorization: string): Promise<number[]> {
    const headers = { authorization, connection: 'close' };
    const answers: number[] = [];
    for (let index = 0; index < 4; index++) {
      answers.push((await request(as(gatehouse), { path, headers })).status);
    }
    return answers;
  }

  async function tokenOf(name: string, password: string): Promise<string> {
    const answer = await request(as(gatehouse, name, password), { path: '/token' });
    assert.equal(answer.status, 200, answer.text);
    return `Bearer ${answer.json.token}`;
  }

  test('docker logs in as one of its users, pushes and pulls', { skip: missingDocker() }, async (t) => {
    const engine = await startDockerEngine(t);
    const wrong = await engine.login(gatehouse.host, 'carol', 'not her password');
    assert.match(wrong.stderr, /unauthorized/i);
    const right = await engine.login(gatehouse.host, 'carol', 'password-of-carol');
    assert.equal(right.code, 0, right.stderr);
    await buildWithDocker(engine, 'mine:1', layerFiles('htpasswd'));
    await pushRemoveAndPull(engine, 'mine:1', `${gatehouse.host}/carol/mine:1`);
  });

  test('curl lists the catalog as one of its users, and nobody else', async (t) => {
    const curl = await curlAs(t, gatehouse, 'dave', 'password-of-dave');
    assert.equal((await curl('/v2/_catalog')).status, 200);
    const wrong = await curlAs(t, gatehouse, 'dave', 'password-of-carol');
    assert.equal((await wrong('/v2/_catalog')).status, 401);
  });

  test('htpasswd changes a password: the next request of every worker knows, tokens too', async () => {
    const token = await tokenOf('carol', 'password-of-carol');
    const others = await tokenOf('dave', 'password-of-dave');
    assert.deepEqual(await statuses('/v2/', token), [200, 200, 200, 200]);
    await set('carol', 'second-password-of-carol');
    assert.deepEqual(await statuses('/v2/', token), [401, 401, 401, 401]);
    assert.deepEqual(await statuses('/v2/', others), [200, 200, 200, 200]);
    await tokenOf('carol', 'second-password-of-carol');
  });

  test('htpasswd removes a user; user disable does the same for one whose line stays', async () => {
    await set('erin', 'password-of-erin');
    await set('frank', 'password-of-frank');
    const erin = await tokenOf('erin', 'password-of-erin');
    const frank = await tokenOf('frank', 'password-of-frank');
    await htpasswd('-D', file, 'erin');
    assert.deepEqual(await statuses('/v2/', erin), [401, 401, 401, 401]);
    await gatehouse.cliOk(['user', 'disable', 'frank']);
    assert.deepEqual(await statuses('/v2/', frank), [401, 401, 401, 401]);
    await gatehouse.cliOk(['user', 'enable', 'frank']);
    assert.deepEqual(await statuses('/v2/', frank), [401, 401, 401, 401]);
    await tokenOf('frank', 'password-of-frank');
  });

  test('a line that cannot be used keeps the file as it was, and status says which', async () => {
    await set('grace', 'password-of-grace');
    const token = await tokenOf('grace', 'password-of-grace');
    await htpasswd('-bm', file, 'heidi', 'password-of-heidi');
    await htpasswd('-D', file, 'grace');
    assert.deepEqual(await statuses('/v2/', token), [200, 200, 200, 200]);
    const status = await gatehouse.cliOk(['status']);
    assert.match(status, /htpasswd +[0-9]+ users of .*users, as it was at 20/);
    assert.match(status, /NOT IN USE as it is now: line [0-9]+: the hash is not bcrypt but MD5/);
    assert.doesNotMatch(status + gatehouse.stderr(), /\$apr1\$|\$2y\$/);
    await htpasswd('-D', file, 'heidi');
    assert.deepEqual(await statuses('/v2/', token), [401, 401, 401, 401]);
    assert.doesNotMatch(await gatehouse.cliOk(['status']), /NOT IN USE/);
  });
});
