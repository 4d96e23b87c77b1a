import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { ConfigError, dataPaths, loadConfig } from '../../runtime/config.ts';
import { type ConfigName, configSchema, environmentName } from '../../runtime/config-schema.ts';
import { configFlags, flagsFromValues, sourcesFromFlags } from '../../runtime/flags.ts';
import { temporaryDirectory } from '../support/files.ts';
import { runOk } from '../support/processes.ts';
import type { Scope } from '../support/scope.ts';
import { moduleUrl } from './support.ts';

async function fileWith(scope: Scope, text: string): Promise<string> {
  const file = join(await temporaryDirectory(scope, 'config'), 'gatehouse.yml');
  writeFileSync(file, text);
  return file;
}

test('every default is a good value, and nobody has given it', () => {
  const { config, given, file } = loadConfig({ environment: {} });
  assert.deepEqual([...given], []);
  assert.equal(file, undefined);
  assert.deepEqual(Object.keys(config).sort(), Object.keys(configSchema).sort());
  assert.equal(config['gc.lease'], 24 * 3_600_000);
  assert.deepEqual(config['limits.failed_logins'], { points: 10, windowMs: 60_000 });
  assert.deepEqual(config.hostname, []);
});

test('the command line goes before the environment, the environment before the file', async (t) => {
  const file = await fileWith(
    t,
    'port: 1001\nhttp: { port: 1002 }\ngc: { lease: 3s }\nlog: { level: debug }\n',
  );
  const environment = { GATEHOUSE_PORT: '2001', GATEHOUSE_HTTP_PORT: '2002' };
  const loaded = loadConfig({ file, environment, flags: { port: '3001' } });
  const { config } = loaded;
  assert.deepEqual(
    [config.port, config['http.port'], config['gc.lease'], config['gc.grace']],
    [3001, 2002, 3000, 0],
  );
  assert.deepEqual([...loaded.given].sort(), ['gc.lease', 'http.port', 'log.level', 'port']);
  assert.equal(loaded.file, file);
});

test('each setting has an environment variable', () => {
  assert.equal(environmentName('gc.lease'), 'GATEHOUSE_GC_LEASE');
  assert.equal(environmentName('auth.own_namespace'), 'GATEHOUSE_AUTH_OWN_NAMESPACE');
  const names = Object.keys(configSchema) as ConfigName[];
  for (const name of names) {
    const { given } = loadConfig({ environment: { [environmentName(name)]: configSchema[name].default } });
    assert.deepEqual([...given], [name]);
  }
  assert.equal(new Set(names.map(environmentName)).size, names.length);
});

test('the file is that of --config, of GATEHOUSE_CONFIG, or gatehouse.yml here', async (t) => {
  const first = await fileWith(t, 'port: 1');
  const second = await fileWith(t, 'port: 2');
  assert.equal(loadConfig({ file: first, environment: { GATEHOUSE_CONFIG: second } }).config.port, 1);
  assert.equal(loadConfig({ environment: { GATEHOUSE_CONFIG: second } }).config.port, 2);
  const script = `import { loadConfig } from '${moduleUrl('config.ts')}';
    const { config, file } = loadConfig({ environment: {} }); console.log(config.port, file);`;
  const args = ['--input-type=module', '-e', script];
  assert.equal(await runOk(process.execPath, args, { cwd: join(first, '..') }), `1 ${first}\n`);
});

test('in the file a name may be dotted or nested, a list a list or text, a switch a boolean', async (t) => {
  const texts = [
    'hostname: [Registry.Example, "::1"]\nauth: { own_namespace: false }\ngc: { schedule: off }\nhttp.port: 0x50',
    'hostname: Registry.Example , ::1\nauth.own_namespace: off\ngc.schedule: off\nhttp:\n  port: 80',
  ];
  for (const text of texts) {
    const { config } = loadConfig({ file: await fileWith(t, text), environment: {} });
    assert.deepEqual(config.hostname, ['registry.example', '::1']);
    assert.deepEqual(
      [config['auth.own_namespace'], config['gc.schedule'], config['http.port']],
      ['off', 'off', 80],
    );
  }
});

test('an empty file, and a group without settings, say nothing', async (t) => {
  for (const text of ['', '# only a comment\n', 'gc:\n  # lease: 5s\n', '{}']) {
    assert.deepEqual([...loadConfig({ file: await fileWith(t, text), environment: {} }).given], [], text);
  }
});

test('what Kubernetes puts into the environment for a service named gatehouse is not a setting', () => {
  const environment = {
    GATEHOUSE_PORT: 'tcp://10.0.0.1:443',
    GATEHOUSE_HTTP_PORT: 'tcp://10.0.0.2:80',
    GATEHOUSE_PORT_443_TCP_ADDR: '10.0.0.1',
    GATEHOUSE_SERVICE_HOST: '10.0.0.1',
  };
  assert.deepEqual([...loadConfig({ environment }).given], []);
  assert.throws(() => loadConfig({ environment: { GATEHOUSE_GC_LEASE: 'tcp://x' } }), ConfigError);
});

test('paths are absolute, and what is empty takes its value from another setting', () => {
  const { config } = loadConfig({ environment: {}, flags: { data: 'some/where', 'gc.lease': '5s' } });
  assert.equal(config.data, resolve('some/where'));
  assert.equal(config['storage.root'], config.data);
  assert.equal(config['uploads.expiry'], 5000);
  assert.equal(config['tls.certificate'], '');
  const other = loadConfig({
    environment: {},
    flags: { 'storage.root': '../blobs', 'uploads.expiry': '1h' },
  }).config;
  assert.deepEqual([other['storage.root'], other['uploads.expiry']], [resolve('../blobs'), 3_600_000]);
  for (const path of Object.values(dataPaths(config))) assert.ok(path.startsWith(`${config.data}/`), path);
  assert.equal(new Set(Object.values(dataPaths(config))).size, Object.keys(dataPaths(config)).length);
});

test('settings cannot be changed afterwards, lists and rates neither', () => {
  const { config } = loadConfig({
    environment: { GATEHOUSE_HOSTNAME: 'a,b', GATEHOUSE_PROXY_TRUSTED: '10.0.0.0/8' },
  });
  assert.ok(Object.isFrozen(config));
  for (const [name, value] of Object.entries(config)) {
    if (typeof value === 'object') assert.ok(Object.isFrozen(value), name);
  }
});

test('flags become settings, and arguments of a child process, the same ones', () => {
  const values = { data: 'd', port: '1', hostname: ['a', 'b'], config: 'c.yml' };
  assert.deepEqual(sourcesFromFlags(values, {}), {
    file: 'c.yml',
    environment: {},
    flags: { data: 'd', port: '1', hostname: 'a,b' },
  });
  const args = ['--data', 'd', '--port', '1', '--hostname', 'a', '--hostname', 'b', '--config', 'c.yml'];
  assert.deepEqual(flagsFromValues(values), args);
  assert.deepEqual(flagsFromValues({}), []);
  assert.deepEqual(Object.keys(configFlags), ['data', 'port', 'hostname', 'config']);
});
