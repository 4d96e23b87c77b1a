import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { migrations } from '../../registry-core/metadata/schema.ts';
import { openDatabase } from '../../runtime/sqlite.ts';
import { temporaryDirectory } from '../support/files.ts';

/** A change of the schema is to be seen in review as a whole, whatever migrations lead there. */
test('the schema of a fresh registry.db is the one in schema.sql', async (t) => {
  const directory = await temporaryDirectory(t, 'schema');
  const database = openDatabase(join(directory, 'registry.db'), { migrations });
  const dump = database
    .prepare<[], { sql: string }>(
      `SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'
       ORDER BY tbl_name, type = 'index', name`,
    )
    .all();
  database.close();
  const file = readFileSync(new URL('./schema.sql', import.meta.url), 'utf8');
  assert.equal(dump.map(({ sql }) => `${sql};\n`).join('\n'), file);
});

test('the migrations are numbered without a gap, and a database of a newer version is not touched', async (t) => {
  const path = join(await temporaryDirectory(t, 'schema'), 'registry.db');
  const database = openDatabase(path, { migrations });
  assert.equal(database.pragma('user_version', { simple: true }), migrations.length);
  assert.equal(database.pragma('integrity_check', { simple: true }), 'ok');
  database.pragma(`user_version = ${migrations.length + 1}`);
  database.close();
  assert.throws(() => openDatabase(path, { migrations }), /newer Gatehouse/);
});
