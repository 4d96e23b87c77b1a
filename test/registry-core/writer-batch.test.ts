import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import type { Digest } from '../../oci/digest.ts';
import { migrations } from '../../registry-core/metadata/schema.ts';
import { runBatch, type WriteAnswer, type WriteRequest } from '../../registry-core/metadata/writer-thread.ts';
import { createWrites, type Writes } from '../../registry-core/metadata/writes.ts';
import { type Database, openDatabase } from '../../runtime/sqlite.ts';
import { temporaryDirectory } from '../support/files.ts';
import { onEnd, type Scope } from '../support/scope.ts';
import { somebody } from './support.ts';

const retention = { leaseMs: 60_000, graceMs: 0, untaggedMs: 60_000, uploadExpiryMs: 60_000 };
const unknown = `sha256:${'0'.repeat(64)}` as Digest;

async function openWriter(scope: Scope): Promise<{ database: Database; writes: Writes }> {
  const path = join(await temporaryDirectory(scope, 'batch'), 'registry.db');
  const database = openDatabase(path, { migrations });
  onEnd(scope, () => database.close());
  return { database, writes: createWrites(database, retention) };
}

let lastId = 0;
function open(id: string): WriteRequest {
  const parameters = [{ id, repository: `app-${id}`, algorithm: 'sha256' }, somebody];
  return { id: ++lastId, method: 'openSession', parameters };
}

function deleteUnknownBlob(): WriteRequest {
  return { id: ++lastId, method: 'deleteBlob', parameters: ['app-one', unknown, somebody] };
}

function cancel(id: string): WriteRequest {
  return { id: ++lastId, method: 'cancelSession', parameters: [id] };
}

function sessions(database: Database): string[] {
  return database.prepare<[], string>('SELECT id FROM upload_sessions ORDER BY id').pluck().all();
}

const failed = (answers: WriteAnswer[]) => answers.filter((answer) => 'error' in answer);

test('many requests are one transaction, answered in order', async (t) => {
  const { database, writes } = await openWriter(t);
  let commits = 0;
  const exec = database.exec.bind(database);
  database.exec = (sql) => {
    if (sql === 'COMMIT') commits++;
    return exec(sql);
  };
  const batch = ['a', 'b', 'c'].map(open);
  const answers = runBatch(database, writes, batch);
  assert.deepEqual(
    answers,
    batch.map(({ id }) => ({ id, result: undefined })),
  );
  assert.equal(commits, 1);
  assert.deepEqual(sessions(database), ['a', 'b', 'c']);
});

test('a refused request takes nothing else with it, and none of what it began', async (t) => {
  const { database, writes } = await openWriter(t);
  const twice = open('one');
  const batch = [open('one'), deleteUnknownBlob(), open('two'), twice, open('three')];
  const answers = runBatch(database, writes, batch);
  assert.deepEqual(
    failed(answers).map(({ id }) => id),
    [batch[1]!.id, twice.id],
  );
  assert.deepEqual(sessions(database), ['one', 'three', 'two']);
  assert.equal(database.inTransaction, false);
});

test('what a refused request wrote before it was refused is undone', async (t) => {
  const { database, writes } = await openWriter(t);
  // The repository is made before the session, whose id is taken.
  const parameters = [{ id: 'one', repository: 'never', algorithm: 'sha256' }, somebody];
  const answers = runBatch(database, writes, [
    open('one'),
    { id: ++lastId, method: 'openSession', parameters },
  ]);
  assert.equal(failed(answers).length, 1);
  const names = database.prepare<[], string>('SELECT name FROM repositories').pluck().all();
  assert.deepEqual(names, ['app-one']);
});

test('an OciError keeps code, status and detail on its way between the threads', async (t) => {
  const { database, writes } = await openWriter(t);
  const [answer] = runBatch(database, writes, [deleteUnknownBlob()]);
  assert.ok(answer && 'error' in answer);
  const { oci } = structuredClone(answer.error);
  assert.deepEqual(oci, { code: 'BLOB_UNKNOWN', status: 404, detail: { digest: unknown }, headers: {} });
});

test('a COMMIT that fails has failed for all', async (t) => {
  const { database, writes } = await openWriter(t);
  const breaking: Writes = {
    ...writes,
    cancelSession() {
      // A violation that only COMMIT finds.
      database.pragma('defer_foreign_keys = ON');
      database.exec("INSERT INTO links VALUES (4711, 'sha256:none', 0, 0)");
      return true;
    },
  };
  const batch = [open('one'), cancel('one'), open('two')];
  const answers = runBatch(database, breaking, batch);
  assert.deepEqual(
    answers.map(({ id }) => id),
    batch.map(({ id }) => id),
  );
  assert.equal(failed(answers).length, 3);
  assert.deepEqual(sessions(database), []);
  assert.equal(database.inTransaction, false);
  assert.equal(failed(runBatch(database, writes, [open('after')])).length, 0, 'the writer goes on');
});

test('without space, an answer says what is in the database', async (t) => {
  const { database, writes } = await openWriter(t);
  const pages = Number(database.pragma('page_count', { simple: true }));
  database.pragma(`max_page_count = ${pages + 1}`);
  const long = (number: number) => `${String(number).padStart(3, '0')}${'x'.repeat(1500)}`;
  let full = false;
  for (let round = 0; round < 20 && !full; round++) {
    const batch = Array.from({ length: 5 }, (_, number) => open(long(round * 5 + number)));
    const before = sessions(database);
    const answers = runBatch(database, writes, batch);
    const stored = batch.filter((_, at) => answers[at] && !('error' in answers[at]));
    const expected = [...before, ...stored.map(({ parameters }) => (parameters[0] as { id: string }).id)];
    assert.deepEqual(sessions(database), expected.sort());
    full = failed(answers).length > 0;
    for (const answer of failed(answers)) assert.ok('error' in answer && answer.error.code === 'SQLITE_FULL');
  }
  assert.ok(full);
  database.pragma('max_page_count = 100000');
  assert.equal(failed(runBatch(database, writes, [open('after')])).length, 0);
});

test('a batch that takes long is committed in parts: small writes do not wait for all of it', async (t) => {
  const { database, writes } = await openWriter(t);
  const slow: Writes = {
    ...writes,
    cancelSession(id) {
      const end = performance.now() + 50;
      while (performance.now() < end);
      return writes.cancelSession(id);
    },
  };
  const first = cancel('none');
  const answers = runBatch(database, slow, [first, open('one'), open('two')]);
  assert.deepEqual(answers, [{ id: first.id, result: false }]);
  assert.deepEqual(sessions(database), []);
});
