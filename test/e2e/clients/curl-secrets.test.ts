import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { curlAs } from '../../support/curl.ts';
import { type Gatehouse, startGatehouse } from '../../support/gatehouse.ts';
import { pushImage } from '../../support/push.ts';
import { fileScope } from '../../support/scope.ts';
import { missingTool } from '../../support/tools.ts';

const manifest = '/v2/team-a/app/manifests/v1';

describe('curl with a personal token or as a robot', { skip: missingTool('curl') }, () => {
  let gatehouse: Gatehouse;
  const made = async (...args: string[]) => (await gatehouse.cliOk(args)).trim();

  before(async () => {
    gatehouse = await startGatehouse(fileScope, { env: { GATEHOUSE_AUTH_BCRYPT_COST: '8' } });
    await pushImage(gatehouse, 'team-a/app', 'v1');
    await gatehouse.addUser('alice', 'password-of-alice', [['team-a/**', 'pull,delete']]);
  });

  test('a robot stands in a netrc file as it is, with Basic and for a token', async (t) => {
    const secret = await made('robot', 'create', 'ci', '--rights', 'team-a/**=pull');
    const curl = await curlAs(t, gatehouse, 'robot+ci', secret);
    assert.equal((await curl(manifest)).status, 200);
    assert.equal((await curl(manifest, { method: 'DELETE' })).status, 403);
    const { json } = await curl('/token?scope=repository:team-a/app:pull,push');
    assert.equal(json.scope, 'repository:team-a/app:pull');
    assert.equal(json.refresh_token, undefined);
    const stranger = await curlAs(t, gatehouse);
    const headers = [`Authorization: Bearer ${json.token}`];
    assert.equal((await stranger(manifest, { headers })).status, 200);
    await made('robot', 'disable', 'ci');
    assert.equal((await stranger(manifest, { headers })).status, 401);
    assert.equal((await curl(manifest)).status, 401);
  });

  test('the name of a robot in a form is written with %2B', async (t) => {
    const secret = await made('robot', 'create', 'form', '--rights', 'team-a/**=pull');
    const curl = await curlAs(t, gatehouse);
    const form = (user: string) => `grant_type=password&client_id=curl&username=${user}&password=${secret}`;
    const ask = (user: string) => curl('/token', { method: 'POST', data: form(user) });
    assert.equal((await ask('robot%2Bform')).status, 200);
    assert.equal((await ask('robot+form')).status, 401);
  });

  test('a personal token is a password that is limited', async (t) => {
    const rights = ['--rights', 'team-a/**=pull'];
    const secret = await made('token', 'create', '--user', 'alice', '--name', 'curl', ...rights);
    const curl = await curlAs(t, gatehouse, 'alice', secret);
    assert.equal((await curl(manifest)).status, 200);
    const refused = await curl(manifest, { method: 'DELETE' });
    assert.deepEqual([refused.status, refused.json.errors[0].code], [403, 'DENIED']);
    assert.deepEqual((await curl('/v2/_catalog')).json.repositories, ['team-a/app']);
    await made('token', 'revoke', secret);
    assert.equal((await curl(manifest)).status, 401);
    assert.doesNotMatch(gatehouse.stderr(), /gatehouse_(?:pat|robot)_/);
  });
});
