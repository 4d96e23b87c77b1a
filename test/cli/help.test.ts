import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { commandNames } from '../../cli/main.ts';
import { temporaryDirectory } from '../support/files.ts';
import { gatehouse } from './support.ts';

test('--help names every command', async () => {
  const { code, stdout } = await gatehouse(['--help']);
  assert.equal(code, 0);
  for (const name of commandNames) assert.match(stdout, new RegExp(`^ {2}${name} +\\S`, 'm'));
});

for (const name of commandNames) {
  test(`${name} --help: usage, options, examples, and nothing is run`, async (t) => {
    const cwd = await temporaryDirectory(t);
    const { code, stdout, stderr } = await gatehouse([name, '--help'], { cwd });
    assert.equal(code, 0, stderr);
    for (const part of [`Usage: gatehouse ${name}`, '\nOptions:\n', '--data DIR', '\nExamples:\n']) {
      assert.ok(stdout.includes(part), `${part} in ${stdout}`);
    }
    assert.match(stdout, new RegExp(`Examples:\\n {2}gatehouse ${name}`));
    for (const line of stdout.split('\n')) assert.ok(line.length <= 120, line);
    assert.equal((await gatehouse(['help', name], { cwd })).stdout, stdout);
  });
}

test('help comes first, whatever else is wrong', async () => {
  const { code, stdout } = await gatehouse(['user', 'add', '--help', '--nonsense']);
  assert.equal(code, 0);
  assert.match(stdout, /user add NAME/);
});

test('--version prints the version of the package', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  assert.deepEqual(await gatehouse(['--version']), { code: 0, stdout: `${version}\n`, stderr: '' });
});

const mistakes: [what: string, args: string[], says: RegExp][] = [
  ['no command', [], /which command/],
  ['an unknown command', ['frobnicate'], /no command "frobnicate"[\s\S]*gatehouse --help/],
  ['a name of every object', ['constructor'], /no command/],
  ['an unknown option', ['status', '--frobnicate'], /--frobnicate[\s\S]*gatehouse status --help/],
  ['a flag without its value', ['status', '--data'], /--data/],
  ['an argument too many', ['status', 'now'], /no argument/],
  ['an argument too few', ['can', 'alice', 'pull'], /USER ACTION REPOSITORY/],
  ['no verb', ['user'], /add, list, passwd/],
  ['an unknown verb', ['user', 'toString'], /add, list, passwd/],
  ['no name', ['user', 'add'], /NAME/],
  ['an option of another verb', ['user', 'list', '--admin'], /--admin does not go with user list/],
  ['an unknown action', ['grant', 'alice', 'team/**', 'fly'], /"fly" is not an action/],
  ['two actions at once', ['can', 'alice', 'pull,push', 'team/app'], /one action/],
  ['cert without a verb', ['cert'], /show, issue, renew/],
  ['config without a verb', ['config', 'frob'], /check or show/],
  ['gc with what does not go together', ['gc', '--scheduled', '--json'], /--scheduled takes neither/],
];

for (const [what, args, says] of mistakes) {
  test(`${what}: exit code 2, and where to read more`, async () => {
    const { code, stdout, stderr } = await gatehouse(args);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, says);
    assert.match(stderr, /See: gatehouse/);
    assert.doesNotMatch(stderr, /\n {4}at /);
  });
}

for (const argument of [['--password', 'hush-hush'], ['--password=hush-hush'], ['hush-hush']]) {
  test(`a password as an argument is refused and not repeated: ${argument}`, async () => {
    const { code, stderr } = await gatehouse(['user', 'add', 'alice', ...argument]);
    assert.equal(code, 2);
    assert.doesNotMatch(stderr, /hush-hush/);
    if (argument[0]!.startsWith('--')) assert.match(stderr, /--password-stdin/);
  });
}

test('a data directory that is not there is said in plain words', async () => {
  const { code, stderr } = await gatehouse(['user', 'list', '--data', '/nowhere/at/all']);
  assert.equal(code, 1);
  assert.equal(
    stderr,
    'gatehouse: there is no data directory /nowhere/at/all; name it with --data, or make it with: gatehouse up\n',
  );
});
