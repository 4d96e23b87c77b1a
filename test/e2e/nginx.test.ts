import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { before, describe, test } from 'node:test';
import { eventually } from '../supervisor/support.ts';
import { containerTool } from '../support/container-tools.ts';
import { temporaryDirectory } from '../support/files.ts';
import { type Gatehouse, startGatehouse } from '../support/gatehouse.ts';
import { as, request, type Target } from '../support/http.ts';
import { digestOfFile, LARGE_LAYER_BYTES, layerFiles } from '../support/images.ts';
import { logLines } from '../support/log-lines.ts';
import { writeOciImage } from '../support/oci-layout.ts';
import { digestOf, expectStatus, pushImage } from '../support/push.ts';
import { fileScope } from '../support/scope.ts';
import { missingTool, notRoot } from '../support/tools.ts';
import { type Nginx, startNginx } from './nginx-support.ts';

// The settings that the head of the example names.
const env = {
  GATEHOUSE_TLS_MODE: 'off',
  GATEHOUSE_LISTEN: '127.0.0.1',
  GATEHOUSE_PROXY_TRUSTED: '127.0.0.1',
  GATEHOUSE_HOSTNAME: 'registry.example.com',
};
/** nginx speaks to the gateway from 127.0.0.1; the whole of 127/8 is ours to be somebody else. */
const CLIENT_ADDRESS = '127.0.0.5';

describe('behind nginx', { skip: missingTool('nginx', 'skopeo', 'busybox') || notRoot() }, () => {
  let gatehouse: Gatehouse;
  let nginx: Nginx;
  let admin: Target;

  before(async () => {
    gatehouse = await startGatehouse(fileScope, { env, scheme: 'http' });
    nginx = await startNginx(fileScope, gatehouse.port);
    admin = { ...gatehouse, origin: nginx.origin, ca: nginx.ca };
  });

  test('an image with a layer of 200 MB is pushed and pulled, byte for byte', async (t) => {
    const skopeo = await containerTool(t, 'skopeo', nginx.caPath);
    const login = await skopeo.login(nginx.host, 'admin', gatehouse.adminPassword);
    assert.equal(login.code, 0, login.stderr);
    const [source, back] = [await temporaryDirectory(t, 'source'), await temporaryDirectory(t, 'back')];
    const layers = layerFiles('nginx', { largeBytes: LARGE_LAYER_BYTES });
    const digest = await writeOciImage(source, 'v1', { architecture: 'amd64', layers });
    const remote = `docker://${nginx.host}/team/large:v1`;
    await skopeo.ok(['copy', '--dest-cert-dir', skopeo.certDir, `oci:${source}:v1`, remote]);
    // A pull checks every blob against its digest.
    await skopeo.ok(['copy', '--src-cert-dir', skopeo.certDir, remote, `dir:${back}`]);
    assert.equal(await digestOfFile(join(back, 'manifest.json')), digest);
  });

  test('the API through nginx: relative locations, chunked bodies, ranges', async () => {
    const opened = await request(admin, { method: 'POST', path: '/v2/team/api/blobs/uploads/' });
    expectStatus(opened, 202, 'opening');
    assert.match(opened.headers.location!, /^\/v2\/team\/api\/blobs\/uploads\//);
    const { digest, layers, manifest } = await pushImage(admin, 'team/api', 'v1', { layers: ['0123456789'] });
    const pulled = await request(admin, { path: '/v2/team/api/manifests/v1' });
    assert.equal(pulled.headers['docker-content-digest'], digest);
    assert.ok(pulled.body.equals(manifest));
    const blob = { path: `/v2/team/api/blobs/${layers[0]!.digest}`, headers: { range: 'bytes=2-4' } };
    const part = await request(admin, blob);
    assert.deepEqual([part.status, part.text, part.headers['content-range']], [206, '234', 'bytes 2-4/10']);
    const path = `${opened.headers.location}?digest=${digestOf('in chunks')}`;
    const chunked = { method: 'PUT', path, body: Readable.from(['in ', 'chunks']) };
    expectStatus(await request(admin, chunked), 201, 'a body of unknown length');
  });

  test("the realm of the tokens has nginx's name and port, and leads to a token", async () => {
    const refused = await request(as(admin), { path: '/v2/' });
    assert.equal(refused.status, 401);
    const challenge = refused.headers['www-authenticate']!;
    assert.match(challenge, new RegExp(`^Bearer realm="https://${nginx.host}/token",`));
    const { token } = (await request(admin, { path: '/token' })).json;
    const bearer = { ...as(admin), headers: { authorization: `Bearer ${token}` } };
    expectStatus(await request(bearer, { path: '/v2/' }), 200, 'the token');
  });

  test("the log has the client's address; one that the client claims is not believed", async () => {
    for (const claimed of [{}, { 'x-forwarded-for': '203.0.113.9' }, { 'x-forwarded-for': '127.0.0.1' }]) {
      const answer = await getFrom(CLIENT_ADDRESS, nginx, claimed);
      assert.equal(answer.statusCode, 401);
      const line = await eventually('the line of the request', () =>
        logLines(gatehouse).find(({ requestId }) => requestId === answer.headers['x-request-id']),
      );
      assert.equal(line['address'], CLIENT_ADDRESS);
    }
  });

  test('plain HTTP is sent to HTTPS, a foreign name is answered by the gateway, in JSON', async () => {
    const redirected = await request(nginx.plainOrigin, { path: '/v2/_catalog?n=3' });
    assert.deepEqual(
      [redirected.status, redirected.headers.location],
      [308, `${nginx.origin}/v2/_catalog?n=3`],
    );
    const foreign = await request(admin, { path: '/v2/', headers: { host: 'elsewhere.example.com' } });
    assert.equal(foreign.status, 421);
    const configured = await request(admin, { path: '/v2/', headers: { host: 'registry.example.com' } });
    assert.equal(configured.status, 200);
  });

  test('what nginx refuses by itself is JSON too', async () => {
    const tooMuch = await request(admin, { path: '/v2/', headers: { 'x-long': 'x'.repeat(40_000) } });
    assert.equal(tooMuch.status, 400);
    assert.equal(tooMuch.json.errors[0].code, 'UNSUPPORTED');
    const internal = await request(admin, { path: '/gatehouse-error' });
    assert.equal(internal.status, 404);
    assert.ok(internal.json.errors[0].message);
  });

  // The last one: the gateway does not come back.
  test('a gateway that is stopped is a JSON 502', async () => {
    assert.equal(await gatehouse.stop(), 0);
    const answer = await request(admin, { path: '/v2/' });
    assert.equal(answer.status, 502);
    assert.equal(answer.headers['content-type'], 'application/json');
    assert.ok(Number(answer.headers['retry-after']) > 0);
    assert.equal(answer.json.errors[0].code, 'UNAVAILABLE');
  });
});

async function getFrom(localAddress: string, { host, ca }: Nginx, headers: Record<string, string>) {
  const [, port] = host.split(':');
  const options = {
    host: '127.0.0.1',
    port,
    ca,
    servername: 'localhost',
    localAddress,
    agent: false as const,
  };
  const sent = https.get({ ...options, path: '/v2/', headers: { host, ...headers } });
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  await text(answer);
  return answer;
}
