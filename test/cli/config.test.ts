import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '../support/files.ts';
import type { Scope } from '../support/scope.ts';
import { gatehouse } from './support.ts';

const faulty = 'port: 99999\ngc:\n  lease: soon\n  colour: red\nnonsense: 1\n';

async function fileWith(scope: Scope, text: string): Promise<string> {
  const file = join(await temporaryDirectory(scope, 'config'), 'gatehouse.yml');
  writeFileSync(file, text);
  return file;
}

for (const args of [['config', 'check'], ['config', 'show'], ['up'], ['status'], ['user', 'list'], ['gc']]) {
  test(`${args.join(' ')} names all faults at once, exit code 2`, async (t) => {
    const file = await fileWith(t, faulty);
    const env = { GATEHOUSE_TLS_MODE: 'perhaps' };
    const cwd = await temporaryDirectory(t);
    const { code, stdout, stderr } = await gatehouse([...args, '--config', file], { env, cwd });
    assert.deepEqual([code, stdout], [2, '']);
    for (const key of ['port', 'gc.lease', 'gc.colour', 'nonsense', 'GATEHOUSE_TLS_MODE']) {
      assert.match(stderr, new RegExp(`^ {2}${key}: .* expected `, 'm'));
    }
    assert.doesNotMatch(stderr, /\n {4}at /);
  });
}

test('config check --json lists the faults', async (t) => {
  const { code, stdout } = await gatehouse([
    'config',
    'check',
    '--json',
    '--config',
    await fileWith(t, faulty),
  ]);
  const { ok, faults } = JSON.parse(stdout);
  assert.deepEqual([code, ok, faults.length], [2, false, 4]);
  assert.deepEqual(Object.keys(faults[0]), ['key', 'value', 'expected']);
});

test('config check approves', async (t) => {
  const file = await fileWith(t, 'gc:\n  lease: 5s\n');
  const { code, stdout } = await gatehouse(['config', 'check', '--config', file]);
  assert.deepEqual([code, stdout], [0, `the configuration is good (${file})\n`]);
});

test('config show prints a file that gives the same configuration', async (t) => {
  const text = [
    'port: 8443',
    'hostname: [Registry.example.com, "::1"]',
    'gc: { lease: 90s, untagged: 36h, schedule: off }',
    'limits: { failed_logins: 7/90s }',
    'proxy: { trusted: 10.0.0.0/8 }',
    'shutdown.drain: 1500ms',
    'gc.window: 22:30-04:00',
    'gc.policies: [{ repositories: team/**, untagged: 36h, keep_last: 3, keep: ["v*"], unused: 30d }, { repositories: b }]',
  ].join('\n');
  const shown = await gatehouse(['config', 'show', '--config', await fileWith(t, text)]);
  assert.equal(shown.code, 0);
  for (const line of [
    'gc.lease: 90s',
    'gc.untagged: 36h',
    'limits.failed_logins: 7/90s',
    'gc.window: "22:30-04:00"',
    'gc.policies: [{"repositories":"team/**","untagged":"36h","keep_last":3,"keep":["v*"],"unused":"30d"},{"repositories":"b"}]',
    'shutdown.drain: 1500ms',
  ]) {
    assert.ok(shown.stdout.includes(`\n${line}\n`), shown.stdout);
  }
  assert.match(shown.stdout, /^gc\.grace: "?0"? {2}# default$/m);
  const again = await gatehouse(['config', 'show', '--json', '--config', await fileWith(t, shown.stdout)]);
  const first = await gatehouse(['config', 'show', '--json', '--config', await fileWith(t, text)]);
  assert.deepEqual(values(again.stdout), values(first.stdout));
  assert.equal(JSON.parse(first.stdout).settings['gc.lease'].given, true);
  assert.equal(JSON.parse(first.stdout).settings['gc.grace'].given, false);
});

function values(json: string): unknown {
  const { settings } = JSON.parse(json);
  return Object.entries(settings).map(([name, setting]) => [name, (setting as { value: string }).value]);
}
