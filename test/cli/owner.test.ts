import assert from 'node:assert/strict';
import { chownSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '../support/files.ts';
import { startGatehouse } from '../support/gatehouse.ts';
import { request } from '../support/http.ts';
import { onData } from './support.ts';

const uid = 64123;
const gid = 64124;
const needsRoot = { skip: process.getuid?.() === 0 ? false : 'only root can become another user' };
const env = { GATEHOUSE_AUTH_BCRYPT_COST: '8' };

test('root on a data directory of another user leaves nothing of root’s there', needsRoot, async (t) => {
  const { data, cli } = await onData(t);
  chownSync(data, uid, gid);
  const input = 'correct horse battery\n';
  const { code, stderr } = await cli(['user', 'add', 'alice', '--password-stdin'], { input });
  assert.equal(code, 0, stderr);
  assert.deepEqual(foreign(data), []);
});

test('root on a data directory of its own stays root', needsRoot, async (t) => {
  const { data, cli } = await onData(t);
  await cli(['user', 'add', 'alice', '--password-stdin'], { input: 'correct horse battery\n' });
  assert.equal(statSync(join(data, 'users.db')).uid, 0);
});

test('the processes run as the owner, too, without root’s groups', needsRoot, async (t) => {
  const base = await temporaryDirectory(t);
  chownSync(base, uid, gid);
  const it = await startGatehouse(t, { env, data: base });
  for (const pid of [it.pid, ...it.children().map((child) => child.pid)]) {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    assert.match(status, new RegExp(`^Uid:(\\t${uid}){4}$`, 'm'));
    assert.match(status, new RegExp(`^Gid:(\\t${gid}){4}$`, 'm'));
    assert.match(status, new RegExp(`^Groups:\\t${gid} *$`, 'm'));
  }
  assert.equal((await request(it, { path: '/v2/_catalog' })).status, 200);
  assert.equal(JSON.parse(await it.cliOk(['gc', '--json'])).errors.length, 0);
  assert.equal(JSON.parse(await it.cliOk(['status', '--json'])).running, true);
  await it.stop();
  assert.deepEqual(foreign(base), []);
});

function foreign(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => {
    const entry = statSync(join(directory, name));
    return entry.uid !== uid || entry.gid !== gid;
  });
}
