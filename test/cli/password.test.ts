import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missingTool } from '../support/tools.ts';
import { gatehouse, onData, onTerminal } from './support.ts';

const needsTerminal = { skip: missingTool('script') };

test('without a terminal there is nobody to ask', async (t) => {
  const { cli } = await onData(t);
  const { code, stderr } = await cli(['user', 'add', 'alice']);
  assert.equal(code, 2);
  assert.match(stderr, /--password-stdin/);
});

test('asks twice at the terminal and shows nothing of it', needsTerminal, async (t) => {
  const { data, cli } = await onData(t);
  const terminal = onTerminal(['user', 'add', 'alice', '--data', data]);
  await terminal.shows('New password for alice: ');
  terminal.type('correct horsex\u007f bättery\r');
  await terminal.shows('The same again: ');
  terminal.type('wrong\u0015correct horse bättery\r');
  assert.equal(await terminal.code(), 0);
  assert.doesNotMatch(terminal.output(), /horse|wrong/);
  assert.match(terminal.output(), /user alice added/);
  assert.match((await cli(['user', 'list'])).stdout, /alice/);
});

test('what is typed ahead is not lost', needsTerminal, async (t) => {
  const { data } = await onData(t);
  const terminal = onTerminal(['user', 'add', 'alice', '--data', data]);
  await terminal.shows('New password for alice: ');
  terminal.type('correct horse battery\rcorrect horse battery\r');
  assert.equal(await terminal.code(), 0);
});

test('two that differ change nothing', needsTerminal, async (t) => {
  const { data, cli } = await onData(t);
  const terminal = onTerminal(['user', 'add', 'alice', '--data', data]);
  await terminal.shows('New password for alice: ');
  terminal.type('correct horse battery\r');
  await terminal.shows('The same again: ');
  terminal.type('correct horse batterz\r');
  assert.equal(await terminal.code(), 1);
  assert.match(terminal.output(), /not the same/);
  assert.doesNotMatch((await cli(['user', 'list'])).stdout, /alice/);
});

test('Ctrl-C at the prompt ends it', needsTerminal, async (t) => {
  const { data } = await onData(t);
  const terminal = onTerminal(['user', 'add', 'alice', '--data', data]);
  await terminal.shows('New password for alice: ');
  terminal.type('\u0003');
  assert.equal(await terminal.code(), 130);
});

test('only the first line of standard input counts', async (t) => {
  const { data, cli } = await onData(t);
  const input = 'correct horse battery\nsecond line\n';
  assert.equal((await cli(['user', 'add', 'alice', '--password-stdin'], { input })).code, 0);
  const empty = await gatehouse(['user', 'passwd', 'alice', '--password-stdin', '--data', data], {
    input: '\n',
  });
  assert.equal(empty.code, 1);
});
