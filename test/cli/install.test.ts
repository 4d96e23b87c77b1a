import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory } from '../support/files.ts';
import { run } from '../support/processes.ts';
import type { Scope } from '../support/scope.ts';

const INSTALL = fileURLToPath(new URL('../../bin/install.js', import.meta.url));

// In place of npm: notes its arguments, takes a while, and puts there what the lock file asks for.
const fakeNpm = `
const fs = require('node:fs');
const root = process.argv[process.argv.indexOf('--prefix') + 1];
fs.appendFileSync(root + '/npm-calls', process.argv.slice(2).join(' ') + '\\n');
console.log('added 2 packages');
setTimeout(() => {
  const { packages } = JSON.parse(fs.readFileSync(root + '/package-lock.json', 'utf8'));
  delete packages[''];
  for (const path of Object.keys(packages)) {
    if (packages[path].dev && process.argv.includes('--omit=dev')) delete packages[path];
    else fs.mkdirSync(root + '/' + path, { recursive: true });
  }
  fs.writeFileSync(root + '/node_modules/.package-lock.json', JSON.stringify({ packages }));
}, 300);
`;

const packages = {
  '': { name: 'x' },
  'node_modules/used': { version: '1.0.0', integrity: 'sha512-a' },
  'node_modules/tool': { version: '1.0.0', integrity: 'sha512-b', dev: true },
  'node_modules/for-another-system': { version: '1.0.0', integrity: 'sha512-c', optional: true },
};

async function checkout(scope: Scope) {
  const root = await temporaryDirectory(scope, 'install');
  const npm = join(root, 'npm-cli.js');
  writeFileSync(npm, fakeNpm);
  writeFileSync(join(root, 'package.json'), '{}');
  const lock = (content: object) =>
    writeFileSync(join(root, 'package-lock.json'), JSON.stringify({ packages: content }));
  lock(packages);
  const install = (withDev = false) => {
    const call = `installMissing(${JSON.stringify({ root, withDev })})`;
    const code = `import { installMissing } from ${JSON.stringify(INSTALL)}; console.log(await ${call})`;
    const env = { npm_execpath: npm, npm_node_execpath: process.execPath };
    return run(process.execPath, ['--input-type=module', '-e', code], { env });
  };
  const calls = () => readFileSync(join(root, 'npm-calls'), 'utf8').trimEnd().split('\n');
  return { root, lock, install, calls };
}

test('installs what is missing once, says so in one line, and prints nothing else', async (t) => {
  const { install, calls } = await checkout(t);
  const first = await install();
  assert.deepEqual(first, {
    code: 0,
    stdout: 'true\n',
    stderr: 'gatehouse: installing what is missing with npm, once\n',
  });
  assert.match(calls()[0]!, /^install --omit=dev --include=optional --ignore-scripts .*--no-save /);
  assert.deepEqual(await install(), { code: 0, stdout: 'false\n', stderr: '' });
  assert.equal(calls().length, 1);
});

test('tests need the tools, too, and a plain start leaves them there', async (t) => {
  const { install, calls, lock } = await checkout(t);
  await install();
  assert.equal((await install(true)).stdout, 'true\n');
  assert.match(calls()[1]!, /^install --include=dev /);
  assert.equal((await install()).stdout, 'false\n');
  lock({ ...packages, 'node_modules/used': { version: '1.0.1', integrity: 'sha512-d' } });
  assert.equal((await install()).stdout, 'true\n');
  assert.match(calls()[2]!, /^install --include=dev /);
});

test('several at once: one installs, the others wait for it', async (t) => {
  const { install, calls } = await checkout(t);
  const all = await Promise.all([install(), install(), install()]);
  assert.deepEqual(all.map(({ stdout }) => stdout).sort(), ['false\n', 'false\n', 'true\n']);
  assert.equal(calls().length, 1);
});

test('a package whose folder is gone is missing', async (t) => {
  const { root, install, calls } = await checkout(t);
  mkdirSync(join(root, 'node_modules'));
  writeFileSync(join(root, 'node_modules', '.package-lock.json'), JSON.stringify({ packages }));
  assert.equal((await install()).stdout, 'true\n');
  assert.equal(calls().length, 1);
});

test('what npm cannot do is said, and the next one tries again', async (t) => {
  const { root, install } = await checkout(t);
  writeFileSync(join(root, 'npm-cli.js'), 'process.exit(7)');
  const failed = await install();
  assert.notEqual(failed.code, 0);
  assert.match(failed.stderr, /npm install ended with 7/);
  writeFileSync(join(root, 'npm-cli.js'), fakeNpm);
  assert.equal((await install()).stdout, 'true\n');
});

test('this checkout has everything, so nothing is installed', async () => {
  assert.deepEqual(await run(process.execPath, [INSTALL, '--with-dev']), { code: 0, stdout: '', stderr: '' });
});
