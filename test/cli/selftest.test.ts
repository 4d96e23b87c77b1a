import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge } from '../../cli/selftest/verdict.ts';
import { gatehouse } from './support.ts';

const good = {
  events: 5000,
  collections: 900,
  pushes: 400,
  pulls: 100,
  deletions: 390,
  retags: 90,
  blobs_uploaded: 1000,
  blobs_swept: 100,
  bytes_freed: 4096,
  repushed_while_condemned: 1,
  late_pushes: 0,
  refused_pushes: 0,
  broken_pulls: 0,
  files_left: 0,
};

test('a soak passes when nobody complained, enough was swept, and a condemned digest was pushed', () => {
  assert.deepEqual(judge(good, []), []);
});

test('a soak fails for each complaint, for files left over, and when it proves nothing', () => {
  assert.deepEqual(judge(good, ['GET x: 404']), ['GET x: 404']);
  const [first, ...rest] = judge(good, Array(30).fill('GET x: 404'));
  assert.deepEqual([first, rest.length, rest.at(-1)], ['GET x: 404', 10, '… and 20 more']);
  assert.match(judge({ ...good, files_left: 2 }, [])[0]!, /^2 files were left/);
  assert.match(judge({ ...good, blobs_swept: 99 }, [])[0]!, /^nothing is proved: of 1000 blobs only 99/);
  assert.match(judge({ ...good, repushed_while_condemned: 0 }, [])[0]!, /^nothing is proved: no digest/);
});

test('a duration that is none, or too short, is refused before anything is started', async () => {
  for (const duration of ['1', '-5s', '0s', '999ms', '25h', 'soon']) {
    const { code, stderr } = await gatehouse(['selftest', `--soak=${duration}`, '--data', '/proc/nowhere']);
    assert.equal(code, 2);
    assert.match(stderr, /--soak: expected a duration from 1s to 24h/);
  }
});
