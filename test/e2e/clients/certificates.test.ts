import assert from 'node:assert/strict';
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { ensureCertificates } from '../../../certs/index.ts';
import { signServer } from '../../../certs/sign.ts';
import {
  type ClientAuthorityFixture,
  type ClientPair,
  makeClientAuthority,
} from '../../support/client-authority.ts';
import { containerTool } from '../../support/container-tools.ts';
import {
  type DockerEngine,
  missingDocker,
  pushRemoveAndPull,
  startDockerEngine,
} from '../../support/docker.ts';
import { temporaryDirectory } from '../../support/files.ts';
import { startGatehouse } from '../../support/gatehouse.ts';
import { buildWithDocker, layerFiles } from '../../support/images.ts';
import { type OtherMachine, otherMachine } from '../../support/network.ts';
import { writeOciImage } from '../../support/oci-layout.ts';
import { fileScope } from '../../support/scope.ts';
import { missingTool, notRoot } from '../../support/tools.ts';

const clientCertificates = (authority: ClientAuthorityFixture) => ({
  GATEHOUSE_TLS_CLIENT_CERTIFICATES: 'required',
  GATEHOUSE_TLS_CLIENT_CA: authority.ca,
});

describe('docker on another machine', {
  skip: missingDocker() || missingTool('ip', 'nsenter', 'unshare', 'openssl'),
}, () => {
  let machine: OtherMachine;
  let engine: DockerEngine;

  before(async () => {
    machine = await otherMachine(fileScope);
    engine = await startDockerEngine(fileScope, { within: machine.within });
  });

  /** Where the engine looks for what it has to know of a registry. */
  async function directoryFor(host: string): Promise<string> {
    const directory = join(machine.dockerDirectory, 'certs.d', host);
    await mkdir(directory, { recursive: true });
    return directory;
  }

  test('the own authority is trusted when it is installed, not before, and for its names only', async (t) => {
    const gatehouse = await startGatehouse(t);
    const host = `${machine.address}:${gatehouse.port}`;
    const stranger = await engine.login(host, 'admin', gatehouse.adminPassword);
    assert.match(stranger.stderr, /certificate signed by unknown authority/);
    const installed = await temporaryDirectory(t);
    await gatehouse.cliOk(['trust', 'docker', '--host', host, '--root', installed]);
    const directory = await directoryFor(host);
    await copyFile(join(installed, '/etc/docker/certs.d', host, 'ca.crt'), join(directory, 'ca.crt'));
    const login = await engine.login(host, 'admin', gatehouse.adminPassword);
    assert.equal(login.code, 0, login.stderr);
    await buildWithDocker(engine, 'trusted:1', layerFiles('trusted'));
    await pushRemoveAndPull(engine, 'trusted:1', `${host}/admin/trusted:1`);
  });

  test('what the authority may not issue for is refused by the engine', async (t) => {
    const directory = await temporaryDirectory(t, 'certs');
    const made = await ensureCertificates({ directory, names: ['localhost'] });
    const read = (name: string) => readFile(join(directory, name), 'utf8');
    const authority = { certificatePem: await read('ca.crt'), keyPem: await read('ca.key') };
    const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
    const certificate = join(directory, 'beyond.crt');
    const text = signServer(await read('server.key'), 'beyond', [machine.address], validity, authority);
    await writeFile(certificate, text);
    const env = {
      GATEHOUSE_TLS_MODE: 'files',
      GATEHOUSE_TLS_CERTIFICATE: certificate,
      GATEHOUSE_TLS_KEY: made.keyPath,
    };
    const data = await temporaryDirectory(t, 'data');
    await mkdir(join(data, 'certs'));
    await copyFile(made.caCertificatePath, join(data, 'certs', 'ca.crt'));
    const gatehouse = await startGatehouse(t, { env, data });
    const host = `${machine.address}:${gatehouse.port}`;
    await copyFile(made.caCertificatePath, join(await directoryFor(host), 'ca.crt'));
    const login = await engine.login(host, 'admin', gatehouse.adminPassword);
    assert.notEqual(login.code, 0);
    assert.match(login.stderr, /not permitted by any constraint|excluded by constraint/);
  });

  test('with a client certificate it pushes and pulls without a login', async (t) => {
    const authority = await makeClientAuthority(t);
    const gatehouse = await startGatehouse(t, { env: clientCertificates(authority) });
    await gatehouse.cliOk(['user', 'add', 'alice', '--password-stdin'], { input: 'a-password-of-alice\n' });
    const host = `${machine.address}:${gatehouse.port}`;
    const directory = await directoryFor(host);
    await copyFile(gatehouse.caPath, join(directory, 'ca.crt'));
    await buildWithDocker(engine, 'mutual:1', layerFiles('mutual'));
    await engine.ok(['tag', 'mutual:1', `${host}/alice/app:1`]);
    const without = await engine.docker(['push', `${host}/alice/app:1`]);
    assert.notEqual(without.code, 0);
    assert.match(without.stderr + without.stdout, /with a client certificate only|denied/);
    await install(directory, await authority.issue('alice'));
    await pushRemoveAndPull(engine, `${host}/alice/app:1`, `${host}/alice/app:2`);
    await engine.ok(['tag', `${host}/alice/app:2`, `${host}/admin/app:1`]);
    const foreign = await engine.docker(['push', `${host}/admin/app:1`]);
    assert.match(foreign.stderr, /denied/);
  });
});

/** As docker (docs, "Verify repository client with certificates") and skopeo want them. */
async function install(directory: string, { cert, key }: ClientPair): Promise<void> {
  await copyFile(cert, join(directory, 'client.cert'));
  await copyFile(key, join(directory, 'client.key'));
}

test('skopeo shows its client certificate', {
  skip: missingTool('skopeo', 'openssl', 'busybox') || notRoot(),
}, async (t) => {
  const authority = await makeClientAuthority(t);
  const gatehouse = await startGatehouse(t, { env: clientCertificates(authority) });
  await gatehouse.cliOk(['user', 'add', 'alice', '--password-stdin'], { input: 'a-password-of-alice\n' });
  const skopeo = await containerTool(t, 'skopeo', gatehouse.caPath);
  const source = await temporaryDirectory(t, 'source');
  await writeOciImage(source, 'v1', { architecture: 'amd64', layers: layerFiles('skopeo mutual') });
  const copy = [
    'copy',
    '--dest-cert-dir',
    skopeo.certDir,
    `oci:${source}:v1`,
    `docker://${gatehouse.host}/alice/app:1`,
  ];
  const without = await skopeo.run(copy);
  assert.notEqual(without.code, 0);
  // It does not repeat what the body says.
  assert.match(without.stderr, /403 \(Forbidden\)/);
  const alice = await authority.issue('alice');
  await install(skopeo.certDir, alice);
  await skopeo.ok(copy);
  const inspect = ['inspect', '--cert-dir', skopeo.certDir, `docker://${gatehouse.host}/alice/app:1`];
  assert.match(await skopeo.ok(inspect), /"Digest": "sha256:/);
  await rm(join(skopeo.certDir, 'client.cert'));
  await rm(join(skopeo.certDir, 'client.key'));
  assert.match((await skopeo.run(inspect)).stderr, /403 \(Forbidden\)/);
});
