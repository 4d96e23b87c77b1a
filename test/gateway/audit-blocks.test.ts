import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Batch, entrySeparator, singleBatch } from '../../gateway/audit/batch.ts';
import { Blocks } from '../../gateway/audit/blocks.ts';
import { AuditReader } from '../../gateway/audit/reader.ts';
import { openDatabase } from '../../runtime/sqlite.ts';
import { temporaryDirectory } from '../support/files.ts';
import type { Scope } from '../support/scope.ts';
import { onEnd } from '../support/scope.ts';

async function open(scope: Scope) {
  const path = join(await temporaryDirectory(scope, 'audit'), 'audit.db');
  const blocks = new Blocks(path);
  onEnd(scope, () => blocks.close());
  const reader = new AuditReader(path);
  onEnd(scope, () => reader.close());
  const ids = () => reader.page({}, 10_000).entries.map(({ requestId }) => Number(requestId));
  return { path, blocks, reader, ids };
}

function single(at: number, detail?: string): Batch {
  return singleBatch({
    at,
    action: 'push',
    actor: 'alice',
    actorKind: 'user',
    result: 'ok',
    requestId: String(at),
    ...(detail !== undefined && { detail: { detail } }),
  });
}

test('retention takes blocks whose entries all are too old, some at a time, and nothing else', async (t) => {
  const { blocks, ids, reader } = await open(t);
  for (let at = 1; at <= 500; at++) blocks.append(single(at));
  // Old and new ones in one block go when all of it is old.
  const [{ once: _, ...old }, young] = [single(2), single(600)];
  const both = { ...old, lastAt: 600, count: 2, entries: [old.entries, young.entries].join(entrySeparator) };
  blocks.append(both);
  assert.equal(blocks.trim(451, 0), true, 'there is more');
  assert.equal(ids().length, 302);
  assert.equal(blocks.trim(451, 0), true);
  assert.equal(blocks.trim(451, 0), false);
  const left = ids();
  assert.equal(left.length, 52);
  assert.deepEqual(
    left.filter((id) => id < 451),
    [2],
  );
  assert.equal(reader.verify().brokenAt, null, 'the chain begins later');
});

test('beyond a size the oldest go, whatever their age', async (t) => {
  const { blocks, ids } = await open(t);
  for (let at = 1; at <= 600; at++) blocks.append(single(at, 'x'.repeat(4000)));
  assert.equal(blocks.trim(0, 10 * 2 ** 20), false);
  assert.equal(ids().length, 600);
  while (blocks.trim(0, 2 ** 20));
  assert.ok(ids().length > 0 && ids().length <= 260, String(ids().length));
  assert.equal(Math.max(...ids()), 600);
});

test('one that comes twice is written once, another of the same request is not lost', async (t) => {
  const { blocks, ids, reader } = await open(t);
  const [first, second] = [single(7), single(7, 'another')];
  for (const batch of [first, second, first, second]) blocks.append(batch);
  assert.deepEqual(ids(), [7, 7]);
  assert.equal(reader.verify().blocks, 2);
});

test('uses of credentials: the last one, also when an older one comes later', async (t) => {
  const { blocks, reader } = await open(t);
  const uses = (at: number, address: string): Batch => ({
    ...single(at),
    count: 0,
    entries: '',
    uses: [{ credential: 'personal-token:1', at, address }],
  });
  for (const batch of [uses(2, '::2'), uses(3, '::3'), uses(1, '::1')]) blocks.append(batch);
  const found = reader.credentialUses(['personal-token:1', 'personal-token:2']);
  assert.deepEqual([...found], [['personal-token:1', { at: 3, address: '::3' }]]);
  assert.deepEqual(reader.page({}, 1).entries, []);
});

test('the view has columns for those who come with SQL', async (t) => {
  const { path, blocks } = await open(t);
  blocks.append(single(1_700_000_000_000));
  const database = openDatabase(path);
  onEnd(t, () => database.close());
  const row = database.prepare('SELECT time, action, actor, actor_kind, request_id FROM entries').get();
  assert.deepEqual(row, {
    time: '2023-11-14T22:13:20.000Z',
    action: 'push',
    actor: 'alice',
    actor_kind: 'user',
    request_id: '1700000000000',
  });
});
