import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { containerTool } from '../../support/container-tools.ts';
import { missingDocker, pushRemoveAndPull, startDockerEngine } from '../../support/docker.ts';
import { type DockerRegistry, startDockerRegistry } from '../../support/docker-registry.ts';
import { temporaryDirectory } from '../../support/files.ts';
import { type Gatehouse, startGatehouse } from '../../support/gatehouse.ts';
import { as, request } from '../../support/http.ts';
import { buildWithDocker, layerFiles } from '../../support/images.ts';
import { writeOciImage } from '../../support/oci-layout.ts';
import { fileScope } from '../../support/scope.ts';
import { missingTool } from '../../support/tools.ts';

const service = 'registry.example.org';

/** Another registry leaves logins and rights to us: docs/auth.md, "Other registries". */
describe('docker-registry with our tokens', { skip: missingTool('docker-registry') }, () => {
  let gatehouse: Gatehouse;
  let other: DockerRegistry;

  before(async () => {
    gatehouse = await startGatehouse(fileScope, { env: { GATEHOUSE_AUTH_SERVICES: `${service}=theirs` } });
    await gatehouse.addUser('alice', 'alice-password', [['theirs/team/**', 'pull,push']]);
    await gatehouse.addUser('rita', 'ritas-password', [['theirs/team/**', 'pull']]);
    await gatehouse.cliOk(['grant', 'anonymous', 'theirs/public/**', 'pull']);
    const { issuer, certificate } = JSON.parse(await gatehouse.cliOk(['key', 'authority', '--json']));
    assert.equal(await gatehouse.cliOk(['key', 'authority']), certificate);
    const realm = `${gatehouse.origin}/token`;
    other = await startDockerRegistry(fileScope, { realm, service, issuer, certificate });
  });

  async function tokenOf(user: string | undefined, scope: string, forService = service): Promise<string> {
    const who = as(gatehouse, user, user && (user === 'alice' ? 'alice-password' : 'ritas-password'));
    const answer = await request(who, { path: `/token?service=${forService}&scope=${scope}` });
    assert.equal(answer.status, 200, answer.text);
    return answer.json.token;
  }

  const send = (token: string, path: string, method = 'GET') =>
    request(other, { path, method, headers: { authorization: `Bearer ${token}` } });

  test('it sends clients to us, and takes what we grant', async () => {
    const challenge = (await request(other, { path: '/v2/team/x/tags/list' })).headers['www-authenticate']!;
    assert.ok(
      challenge.startsWith(`Bearer realm="${gatehouse.origin}/token",service="${service}"`),
      challenge,
    );
    const start = '/v2/team/x/blobs/uploads/';
    const alices = await tokenOf('alice', 'repository:team/x:pull,push');
    assert.equal((await send(alices, start, 'POST')).status, 202, other.stderr());
    const ritas = await tokenOf('rita', 'repository:team/x:pull,push');
    assert.equal((await send(ritas, start, 'POST')).status, 401);
    assert.equal((await send(ritas, '/v2/team/x/tags/list')).status, 404);
    assert.equal((await send(alices, '/v2/_catalog')).status, 401);
    const nobodys = await tokenOf(undefined, 'repository:public/x:pull,push');
    assert.equal((await send(nobodys, '/v2/public/x/tags/list')).status, 404);
    assert.equal((await send(nobodys, '/v2/public/x/blobs/uploads/', 'POST')).status, 401);
  });

  test('a token for us is none for it, nor the other way round', async () => {
    const scope = 'repository:team/x:pull';
    assert.equal((await send(await tokenOf('alice', scope, ''), '/v2/team/x/tags/list')).status, 401);
    const headers = { authorization: `Bearer ${await tokenOf('alice', scope)}` };
    const answer = await request(as(gatehouse), { path: '/v2/', headers });
    assert.equal(answer.status, 401);
    assert.equal(answer.json.errors[0].detail.reason, 'audience');
  });

  test('skopeo copies there and back, also after the key was rotated', {
    skip: missingTool('skopeo', 'busybox'),
  }, async (t) => {
    const skopeo = await containerTool(t, 'skopeo', gatehouse.caPath);
    const source = await temporaryDirectory(t, 'source');
    await writeOciImage(source, 'v1', { architecture: 'amd64', layers: layerFiles('other registry') });
    const credentials = 'alice:alice-password';
    for (const tag of ['v1', 'v2']) {
      const remote = `docker://${other.host}/team/tool:${tag}`;
      const back = await temporaryDirectory(t, 'back');
      await skopeo.ok([
        'copy',
        '--dest-tls-verify=false',
        '--dest-creds',
        credentials,
        `oci:${source}:v1`,
        remote,
      ]);
      await skopeo.ok([
        'copy',
        '--src-tls-verify=false',
        '--src-creds',
        credentials,
        remote,
        `oci:${back}:v1`,
      ]);
      await gatehouse.cliOk(['key', 'rotate']);
    }
    const ritas = await skopeo.run([
      'copy',
      '--dest-tls-verify=false',
      '--dest-creds',
      'rita:ritas-password',
      `oci:${source}:v1`,
      `docker://${other.host}/team/tool:v3`,
    ]);
    assert.notEqual(ritas.code, 0);
    assert.match(ritas.stderr, /denied|unauthorized/i);
  });

  test('docker logs in there with us, pushes and pulls', { skip: missingDocker() }, async (t) => {
    const engine = await startDockerEngine(t);
    const login = await engine.login(other.host, 'alice', 'alice-password');
    assert.equal(login.code, 0, login.stderr);
    const sessions = JSON.parse(await gatehouse.cliOk(['session', 'list', '--user', 'alice', '--json']));
    assert.equal(sessions.at(-1).service, service);
    await buildWithDocker(engine, 'there:1', layerFiles('docker there'));
    await pushRemoveAndPull(engine, 'there:1', `${other.host}/team/there:1`);
    await engine.ok(['tag', `${other.host}/team/there:1`, `${other.host}/foreign/there:1`]);
    const refused = await engine.docker(['push', `${other.host}/foreign/there:1`]);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /denied|unauthorized/i);
  });
});
