import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '../support/files.ts';
import { startGatehouse } from '../support/gatehouse.ts';
import { request } from '../support/http.ts';
import { freePort } from '../support/ports.ts';
import { run, runOk } from '../support/processes.ts';
import { missingTool, notRoot } from '../support/tools.ts';
import { onData } from './support.ts';

const names = ['--hostname', 'registry.example.com', '--port', '5443'];
const hosts = ['registry.example.com:5443', 'localhost:5443'];

for (const [client, directory] of [
  ['docker', '/etc/docker/certs.d'],
  ['podman', '/etc/containers/certs.d'],
  ['containerd', '/etc/containerd/certs.d'],
] as const) {
  test(`trust ${client}: the authority where it looks, by hand and as a script`, async (t) => {
    const { data, cli } = await onData(t);
    await cli(['cert', 'issue', ...names]);
    const ca = readFileSync(join(data, 'certs', 'ca.crt'), 'utf8');
    const root = await temporaryDirectory(t);
    const done = await cli(['trust', client, '--root', root, ...names]);
    assert.equal(done.code, 0, done.stderr);
    for (const host of hosts) {
      const file = join(root, directory, host, 'ca.crt');
      assert.equal(readFileSync(file, 'utf8'), ca);
      assert.equal(statSync(file).mode & 0o777, 0o644);
    }
    const { stdout: script } = await cli(['trust', client, '--print', ...names]);
    const elsewhere = await temporaryDirectory(t);
    await runOk('sh', ['-c', script.replaceAll('/etc/', `${elsewhere}/etc/`)]);
    assert.equal(readFileSync(join(elsewhere, directory, hosts[0]!, 'ca.crt'), 'utf8'), ca);
    const one = await temporaryDirectory(t);
    await cli(['trust', client, '--root', one, '--host', 'other.example.com', ...names]);
    assert.ok(existsSync(join(one, directory, 'other.example.com', 'ca.crt')));
    assert.ok(!existsSync(join(one, directory, hosts[0]!)));
    assert.equal((await cli(['trust', client, '--host', "a'; reboot; '", ...names])).code, 2);
  });
}

test('trust containerd leaves a hosts.toml that somebody wrote', async (t) => {
  const { cli } = await onData(t);
  await cli(['cert', 'issue', ...names]);
  const root = await temporaryDirectory(t);
  const directory = join(root, '/etc/containerd/certs.d/localhost:5443');
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'hosts.toml'), 'server = "https://mirror.example.com"\n');
  const refused = await cli(['trust', 'containerd', '--root', root, ...names]);
  assert.equal(refused.code, 1);
  assert.match(
    refused.stderr,
    /hosts\.toml is there already; add to it by hand:\nserver = "https:\/\/localhost:5443"/,
  );
  assert.ok(!existsSync(join(directory, 'ca.crt')));
  assert.match(readFileSync(join(directory, 'hosts.toml'), 'utf8'), /mirror/);
});

test('a certificate that is not ours has no authority to trust', async (t) => {
  const { cli } = await onData(t);
  const none = await cli(['trust', 'docker'], { env: { GATEHOUSE_TLS_MODE: 'off' } });
  assert.deepEqual([none.code, /tls\.mode: off/.test(none.stderr)], [1, true]);
  assert.equal((await cli(['trust', 'frob'])).code, 2);
});

test('trust system refuses an authority that may issue for any name', {
  skip: missingTool('openssl'),
}, async (t) => {
  const { data, cli } = await onData(t);
  mkdirSync(join(data, 'certs'));
  const files = ['-keyout', join(data, 'certs', 'ca.key'), '-out', join(data, 'certs', 'ca.crt')];
  await runOk('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=old', ...files]);
  const refused = await cli(['trust', 'system', '--root', await temporaryDirectory(t)]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /may issue for any name.*--new-authority/);
  assert.match((await cli(['trust', 'system', '--print'])).stderr, /may issue for any name/);
});

const skip = missingTool('unshare', 'curl', 'sha256sum', 'update-ca-certificates') || notRoot();

test('trust system: every program of the machine trusts it', { skip }, async (t) => {
  const gatehouse = await startGatehouse(t);
  const store = await temporaryDirectory(t);
  await runOk('cp', ['-a', '/etc/ssl/certs/.', store]);
  // In a mount namespace with a store of its own: this machine goes on trusting nobody new.
  const script = [
    `mount --bind '${store}' /etc/ssl/certs`,
    'mkdir -p /usr/local/share/ca-certificates',
    'mount -t tmpfs tmpfs /usr/local/share/ca-certificates',
    `! curl --silent --noproxy '*' ${gatehouse.origin}/healthz`,
    '"$@"',
    `curl --silent --show-error --noproxy '*' ${gatehouse.origin}/healthz`,
  ].join(' && ');
  const bin = new URL('../../bin/gatehouse.js', import.meta.url).pathname;
  const command = [process.execPath, bin, 'trust', 'system', '--data', gatehouse.data];
  const answer = await runOk('unshare', ['--mount', 'sh', '-c', script, 'sh', ...command]);
  assert.match(answer, /\{"status":"ok"\}/);
});

for (const scheme of ['http', 'https'] as const) {
  test(`the line that cert show prints, by ${scheme}: installs what has the hash, and nothing else`, {
    skip,
  }, async (t) => {
    const httpPort = scheme === 'http' ? await freePort() : 0;
    const env = { GATEHOUSE_HTTP_PORT: String(httpPort) };
    const gatehouse = await startGatehouse(t, { env });
    const ca = readFileSync(gatehouse.caPath, 'utf8');
    const shown = JSON.parse(await gatehouse.cliOk(['cert', 'show', '--json']));
    const line: string = shown.install;
    const sum = createHash('sha256').update(ca).digest('hex');
    assert.ok(line.includes(sum) && line.includes(`${scheme}://localhost`), line);
    assert.ok((await gatehouse.cliOk(['cert', 'show'])).endsWith(`\n${line}\n`));
    assert.ok(shown.permitted.includes('127.0.0.1') && shown.permitted.includes('::1'));
    const directory = await temporaryDirectory(t);
    // That very line, with an /etc/docker of its own that is kept outside.
    const typed = (text: string) => {
      const script = `mkdir -p /etc/docker && mount --bind '${directory}' /etc/docker && ${text}`;
      return run('unshare', ['--mount', 'sh', '-c', script], { env: { no_proxy: '*' } });
    };
    const file = join(directory, 'certs.d', gatehouse.host, 'ca.crt');
    const wrong = await typed(
      line.replace(
        sum,
        sum.replace(/^./, (digit) => (digit === '0' ? '1' : '0')),
      ),
    );
    assert.notEqual(wrong.code, 0);
    assert.match(wrong.stdout + wrong.stderr, /FAILED/);
    assert.ok(!existsSync(file));
    const right = await typed(line);
    assert.equal(right.code, 0, right.stderr);
    assert.equal(readFileSync(file, 'utf8'), ca);
  });
}

test('/ca.crt: for everybody under our names, GET and HEAD only, and not where there is none', async (t) => {
  const httpPort = await freePort();
  const gatehouse = await startGatehouse(t, { env: { GATEHOUSE_HTTP_PORT: String(httpPort) } });
  const ca = readFileSync(gatehouse.caPath, 'utf8');
  for (const origin of [gatehouse.origin, `http://localhost:${httpPort}`]) {
    const ask = (options: object) => request({ origin, ca }, { path: '/ca.crt', ...options });
    const answer = await ask({});
    assert.deepEqual([answer.status, answer.text], [200, ca]);
    assert.equal(answer.headers['content-type'], 'text/plain; charset=utf-8');
    const head = await ask({ method: 'HEAD' });
    assert.deepEqual([head.status, head.text, head.headers['content-length']], [200, '', String(ca.length)]);
    assert.equal((await ask({ method: 'POST' })).status, 405);
  }
  const foreign = { path: '/ca.crt', headers: { host: 'evil.example' } };
  assert.equal((await request(`http://localhost:${httpPort}`, foreign)).status, 421);
});
