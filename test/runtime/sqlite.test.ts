import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { applyMigrations } from '../../runtime/migrations.ts';
import { type Database, openDatabase } from '../../runtime/sqlite.ts';
import { temporaryDirectory } from '../support/files.ts';
import { onEnd, type Scope } from '../support/scope.ts';
import { moduleUrl, runScript } from './support.ts';

const migrations = [
  { name: 'first', sql: 'CREATE TABLE first (x INTEGER); INSERT INTO first VALUES (1)' },
  { name: 'second', sql: 'CREATE TABLE second (x INTEGER)' },
];

function open(scope: Scope, ...args: Parameters<typeof openDatabase>): Database {
  const database = openDatabase(...args);
  onEnd(scope, () => database.close());
  return database;
}

const version = (database: Database) => database.pragma('user_version', { simple: true });

test('a database and its companions belong to the owner alone, whatever the umask', async (t) => {
  const before = process.umask(0);
  t.after(() => process.umask(before));
  const path = join(await temporaryDirectory(t), 'x.db');
  open(t, path, { migrations });
  for (const file of [path, `${path}-wal`, `${path}-shm`])
    assert.equal(statSync(file).mode & 0o777, 0o600, file);
});

test('WAL, and FULL unless asked otherwise, on every connection', async (t) => {
  const path = join(await temporaryDirectory(t), 'x.db');
  const settings = (database: Database) =>
    ['journal_mode', 'synchronous', 'foreign_keys', 'trusted_schema'].map((name) =>
      database.pragma(name, { simple: true }),
    );
  assert.deepEqual(settings(open(t, path, { migrations })), ['wal', 2, 1, 0]);
  assert.deepEqual(settings(open(t, path)), ['wal', 2, 1, 0]);
  assert.deepEqual(settings(open(t, path, { synchronous: 'NORMAL' })), ['wal', 1, 1, 0]);
});

test('who brings no migrations creates nothing', async (t) => {
  const path = join(await temporaryDirectory(t), 'x.db');
  assert.throws(() => openDatabase(path), { code: 'SQLITE_CANTOPEN' });
  assert.equal(existsSync(path), false);
});

test('migrations are applied in order, each once', async (t) => {
  const path = join(await temporaryDirectory(t), 'x.db');
  const old = open(t, path, { migrations: migrations.slice(0, 1) });
  assert.equal(version(old), 1);
  const database = open(t, path, { migrations });
  assert.equal(version(database), 2);
  applyMigrations(database, migrations);
  assert.deepEqual(database.prepare('SELECT count(*) AS n FROM first').get(), { n: 1 });
});

test('the database of a newer Gatehouse is refused and left alone', async (t) => {
  const path = join(await temporaryDirectory(t), 'x.db');
  open(t, path, { migrations }).close();
  assert.throws(() => openDatabase(path, { migrations: migrations.slice(0, 1) }), {
    message: `${path} was written by a newer Gatehouse (schema 2); start that version`,
  });
  assert.equal(version(open(t, path)), 2);
});

test('a migration that fails leaves the database where the one before it left it', async (t) => {
  const path = join(await temporaryDirectory(t), 'x.db');
  const broken = { name: 'broken', sql: 'CREATE TABLE third (x); INSERT INTO nowhere VALUES (1)' };
  assert.throws(() => openDatabase(path, { migrations: [...migrations, broken] }), /nowhere/);
  const database = open(t, path);
  assert.equal(version(database), 2);
  assert.throws(() => database.prepare('SELECT * FROM third'), /no such table/);
});

test('what is not a database is refused', async (t) => {
  const path = join(await temporaryDirectory(t), 'x.db');
  writeFileSync(path, 'no database at all, but a text of some length '.repeat(20));
  assert.throws(() => openDatabase(path, { migrations }), {
    code: 'SQLITE_NOTADB',
    message: /x\.db is damaged/,
  });
  assert.match(readFileSync(path, 'utf8'), /^no database at all/);
});

test('kill -9 in the middle of a migration leaves a whole number', async (t) => {
  const path = join(await temporaryDirectory(t), 'x.db');
  const source = `import { openDatabase } from '${moduleUrl('sqlite.ts')}';
    import { applyMigrations } from '${moduleUrl('migrations.ts')}';
    const [path, migrations] = [process.argv[2], JSON.parse(process.argv[3])];
    const database = openDatabase(path, { migrations: [] });
    database.function('die', () => process.kill(process.pid, 'SIGKILL'));
    applyMigrations(database, migrations);`;
  const dying = { name: 'dies', sql: `${migrations[1]!.sql}; INSERT INTO second VALUES (1); SELECT die()` };
  const script = await runScript(t, source, [path, JSON.stringify([migrations[0], dying])]);
  assert.deepEqual(await script.exit(), { code: null, signal: 'SIGKILL' }, script.stderr());
  assert.equal(version(open(t, path)), 1);
  const database = open(t, path, { migrations });
  assert.equal(version(database), 2);
  assert.deepEqual(database.prepare('SELECT count(*) AS n FROM second').get(), { n: 0 });
});

test('several processes that start at once apply each migration once', async (t) => {
  const path = join(await temporaryDirectory(t), 'x.db');
  const many = Array.from({ length: 40 }, (_, i) => ({ name: `${i}`, sql: `CREATE TABLE t${i} (x)` }));
  const source = `import { openDatabase } from '${moduleUrl('sqlite.ts')}';
    process.send('up');
    process.once('message', ([path, migrations]) => {
      openDatabase(path, { migrations }).close();
      process.disconnect();
    });`;
  const scripts = await Promise.all(Array.from({ length: 4 }, () => runScript(t, source)));
  await Promise.all(scripts.map((script) => script.message()));
  for (const script of scripts) script.process.send([path, many]);
  for (const script of scripts)
    assert.deepEqual(await script.exit(), { code: 0, signal: null }, script.stderr());
  assert.equal(version(open(t, path)), many.length);
});
