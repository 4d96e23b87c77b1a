import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ConfigError, type ConfigSources, loadConfig } from '../../runtime/config.ts';
import type { ConfigName } from '../../runtime/config-schema.ts';
import { temporaryDirectory } from '../support/files.ts';

function faultsOf(sources: ConfigSources): ConfigError {
  try {
    loadConfig(sources);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('no fault was found');
}

test('all faults at once, each by the name under which it was given', async (t) => {
  const file = join(await temporaryDirectory(t), 'gatehouse.yml');
  writeFileSync(file, 'port: 70000\ngc: { lease: soon, colour: red }\nnonsense: 1\nlog: { level: loud }\n');
  const environment = { GATEHOUSE_HTTP_PORT: '-1', GATEHOUSE_LISTEN: 'localhost' };
  const error = faultsOf({ file, environment, flags: { 'tls.mode': 'perhaps' } });
  assert.deepEqual(error.faults, [
    { key: 'gc.colour', value: 'red', expected: 'a known key' },
    { key: 'nonsense', value: '1', expected: 'a known key' },
    { key: 'port', value: '70000', expected: 'a whole number from 0 to 65535' },
    { key: 'GATEHOUSE_LISTEN', value: 'localhost', expected: 'addresses, separated by commas' },
    { key: 'GATEHOUSE_HTTP_PORT', value: '-1', expected: 'a whole number from 0 to 65535' },
    { key: '--tls.mode', value: 'perhaps', expected: 'own or files or acme or off' },
    { key: 'gc.lease', value: 'soon', expected: 'a duration such as 90s, 15m, 24h or 7d, from 2s to 36500d' },
    { key: 'log.level', value: 'loud', expected: 'debug or info or warn or error' },
  ]);
  assert.match(
    error.message,
    /^the configuration has 8 faults:\n {2}gc\.colour: "red" — expected a known key\n/,
  );
  assert.match(
    faultsOf({ environment: { GATEHOUSE_PORT: '' } }).message,
    /^the configuration has a fault:\n/,
  );
});

/** [text of the file, the keys at fault] */
const files: readonly [string, readonly string[]][] = [
  ['prot: 443', ['prot']],
  ['gc: { lease: { a: 1 } }', ['gc.lease']],
  ['gc: 5', ['gc']],
  ['gc: [lease]', ['gc']],
  ['port: [1, 2]', ['port']],
  ['data: [a, b]', ['data']],
  ['data: { path: a }', ['data']],
  ['hostname: [a, [b]]', ['hostname']],
  ['hostname: [a, "b c"]', ['hostname']],
  ['constructor: 1', ['constructor']],
  ['toString: 1', ['toString']],
  ['__proto__: { port: 1 }', ['__proto__']],
  ['gc: { toString: 1 }', ['gc.toString']],
  ['gc.lease.more: 5s', ['gc.lease.more']],
  ['1: 2', ['1']],
];

for (const [text, keys] of files) {
  test(`the file ${JSON.stringify(text)} is at fault`, async (t) => {
    const file = join(await temporaryDirectory(t), 'gatehouse.yml');
    writeFileSync(file, text);
    assert.deepEqual(
      faultsOf({ file, environment: {} }).faults.map(({ key }) => key),
      keys,
    );
  });
}

test('a file that is no map, no YAML or not there is one fault, with its path', async (t) => {
  const directory = await temporaryDirectory(t);
  for (const [name, text] of [
    ['list.yml', '[1]'],
    ['text.yml', 'port 443'],
    ['broken.yml', 'port: [1'],
    ['twice.yml', 'port: 1\nport: 2'],
  ] as const) {
    const file = join(directory, name);
    writeFileSync(file, text);
    assert.deepEqual(
      faultsOf({ file, environment: {} }).faults.map(({ key }) => key),
      [file],
    );
  }
  const missing = faultsOf({ file: join(directory, 'none.yml'), environment: {} });
  assert.match(missing.message, /none\.yml: "ENOENT.* — expected a readable YAML file/);
});

/** [setting, bad values] */
const values: readonly [ConfigName, readonly string[]][] = [
  ['data', ['', 'a\0b']],
  ['port', ['', '65536', '-1', '4.5', '0x50', '44 3', 'https']],
  ['hostname', ['a b', 'https://a', 'a:443', 'a,*', 'a_b.']],
  ['listen', ['localhost', '1.2.3', '::1%', '0.0.0.0:443']],
  ['proxy.trusted', ['10.0.0.0/33', '::/129', '10.0.0.0/', '10.0.0.0/8/8', 'proxy.example', '/8']],
  ['auth.bcrypt_cost', ['7', '15', '']],
  ['auth.token_lifetime', ['59s', '1', '']],
  ['auth.services', ['a b', '-a', 'a=', 'a=../b', 'a=B', 'a,a', 'a=b,a=c', 'https://a/b']],
  ['auth.refresh_lifetime', ['-1', '30', '']],
  ['auth.refresh_tokens_per_user', ['0', '10001', '']],
  ['auth.own_namespace', ['yes', 'ON', '']],
  ['gc.schedule', ['', 'nightly', '0 3 * *', '0 3 * * * * *', '0 3 * * ?', 'OFF']],
  ['gc.timezone', ['Europe/Nowhere', 'CEST!', '+25:00']],
  ['gc.jitter', ['25h', '-1s', 'some']],
  ['gc.window', ['01:00', '1:00-5:00', '01:00-24:00', '01:00-01:00', '01:60-02:00', 'night']],
  ['gc.lease', ['0', '1999ms', '24', '36501d', '']],
  ['events.retention', ['59m', '']],
  ['limits.failed_logins', ['10', '10/0', '0/1m', '10/25h', '10 / 1m']],
  ['shutdown.drain', ['25h', '-1s']],
];

for (const [name, texts] of values) {
  test(`bad values of ${name}`, () => {
    for (const value of texts) {
      const [fault, ...more] = faultsOf({ environment: {}, flags: { [name]: value } }).faults;
      assert.deepEqual([fault?.key, fault?.value, more], [`--${name}`, value, []], value);
    }
  });
}

test('tls.mode files asks for both files, unless they are given', () => {
  const faults = (flags: Partial<Record<ConfigName, string>>) =>
    faultsOf({ environment: {}, flags: { 'tls.mode': 'files', ...flags } }).faults.map(({ key }) => key);
  assert.deepEqual(faults({}), ['tls.certificate', 'tls.key']);
  assert.deepEqual(faults({ 'tls.certificate': 'c.pem' }), ['tls.key']);
  assert.deepEqual(faults({ 'tls.key': 'k.pem', port: 'x' }), ['--port', 'tls.certificate']);
  const flags = { 'tls.mode': 'files', 'tls.certificate': 'c.pem', 'tls.key': 'k.pem' };
  assert.equal(loadConfig({ environment: {}, flags }).config['tls.mode'], 'files');
});
