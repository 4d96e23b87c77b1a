import assert from 'node:assert/strict';
import { appendFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openWitness, type VersionWitness } from '../../gateway/version-witness.ts';
import { openDatabase, walIndexOf } from '../../runtime/sqlite.ts';
import { endTurn } from '../../runtime/turn.ts';
import { temporaryDirectory } from '../support/files.ts';
import { onEnd, type Scope } from '../support/scope.ts';

async function openStore(scope: Scope) {
  const path = join(await temporaryDirectory(scope, 'witness'), 'store.db');
  const migrations = [
    { version: 1, name: 'a table', sql: 'CREATE TABLE t (n INTEGER PRIMARY KEY, filler BLOB)' },
  ];
  const connect = () => {
    const database = openDatabase(path, { migrations, synchronous: 'NORMAL' });
    onEnd(scope, () => database.close());
    return database;
  };
  return { path, connect };
}

test('every commit shows, whoever made it, through checkpoints and a log that begins anew; nothing else does', async (t) => {
  const { path, connect } = await openStore(t);
  const connections = [connect(), connect()];
  const reader = connect();
  const count = reader.prepare('SELECT count(*) FROM t').pluck();
  const version = reader.prepare('PRAGMA data_version').pluck();
  const witness = openWitness(walIndexOf(path))!;
  onEnd(t, () => witness.close());
  const seen = new Set<string>();
  let [lastSeen, lastVersion] = [look(witness)!, version.get()];
  for (let turn = 0; turn < 400; turn++) {
    const writer = connections[turn % 2]!;
    writer.exec('BEGIN IMMEDIATE; INSERT INTO t (filler) VALUES (zeroblob(2000))');
    if (turn % 5 === 4) {
      writer.exec('ROLLBACK');
      assert.equal(look(witness), lastSeen, 'nothing was changed');
    } else {
      assert.equal(look(witness), lastSeen, 'nothing is to be seen before it is committed');
      writer.exec('COMMIT');
      const now = look(witness)!;
      assert.ok(!seen.has(now), 'it has never said this before');
      seen.add(now);
      lastSeen = now;
    }
    if (turn % 50 === 49) {
      writer.pragma(turn % 100 === 99 ? 'wal_checkpoint(TRUNCATE)' : 'wal_checkpoint(PASSIVE)');
      lastSeen = look(witness)!;
    }
    count.get();
    assert.equal(look(witness), lastSeen, 'reading changes nothing');
    const versionNow = version.get();
    if (turn % 5 === 4) assert.ok(turn % 50 === 49 || versionNow === lastVersion);
    else assert.notEqual(versionNow, lastVersion, 'SQLite tells the same by data_version');
    lastVersion = versionNow;
  }
  assert.equal(seen.size, 320);
});

test('a file that is gone, replaced or too short tells nothing, and never again', async (t) => {
  const directory = await temporaryDirectory(t, 'witness');
  const path = join(directory, 'file');
  const ends: [string, (path: string) => void][] = [
    ['removed', (name) => rmSync(name)],
    ['replaced', (name) => renameSync(fresh(join(directory, 'other')), name)],
    ['cut', (name) => writeFileSync(name, 'abc')],
  ];
  for (const [what, end] of ends) {
    const witness = openWitness({ path: fresh(path), bytes: 8 })!;
    const first = look(witness);
    assert.ok(first !== undefined);
    appendFileSync(path, 'behind what is looked at');
    assert.equal(look(witness), first);
    end(path);
    assert.equal(look(witness), undefined, what);
    fresh(path);
    assert.equal(look(witness), undefined, what);
    assert.equal(witness.isThere, false);
  }
});

test('it looks once for all that runs before anything new is heard of', async (t) => {
  const { path, connect } = await openStore(t);
  const connection = connect();
  const witness = openWitness(walIndexOf(path))!;
  onEnd(t, () => witness.close());
  const before = look(witness);
  connection.exec('INSERT INTO t (filler) VALUES (zeroblob(1))');
  await Promise.resolve();
  assert.equal(witness.look(), before);
  await new Promise(setImmediate);
  const after = witness.look();
  assert.notEqual(after, before);
  await new Promise(process.nextTick);
  assert.equal(witness.look(), after);
});

test('two witnesses of the same file do not say the same; of none there is none', async (t) => {
  const path = join(await temporaryDirectory(t, 'witness'), 'file');
  assert.equal(openWitness({ path, bytes: 8 }), undefined);
  fresh(path);
  const [one, other] = [openWitness({ path, bytes: 8 })!, openWitness({ path, bytes: 8 })!];
  onEnd(t, () => [one, other].forEach((witness) => void witness.close()));
  assert.notEqual(one.look(), other.look());
});

/** As something that was just heard of does. */
function look(witness: VersionWitness): string | undefined {
  endTurn();
  return witness.look();
}

function fresh(path: string): string {
  writeFileSync(path, '12345678');
  return path;
}
