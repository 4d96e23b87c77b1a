import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { describeUndo } from '../../cli/gc-undo.ts';
import { openDatabase } from '../../runtime/sqlite.ts';
import { ageRows, hour } from '../gc/support.ts';
import { startGatehouse } from '../support/gatehouse.ts';
import { request } from '../support/http.ts';
import { pushImage } from '../support/push.ts';

test('what an undo says', () => {
  const report = {
    run: 7,
    dry_run: false,
    blobs: 2,
    manifests: 1,
    tags: 0,
    bytes: 2048,
    already_there: 3,
    could_not: [{ what: 'tag app:1', why: 'the name is taken' }],
  };
  assert.equal(
    describeUndo(report),
    'Brought back 2 blobs, 1 manifest, 0 tags: 2.0 KiB out of the trash.\nThere already: 3.\nCould not: tag app:1: the name is taken',
  );
  const planned = { ...report, dry_run: true, already_there: 0, could_not: [] };
  assert.equal(
    describeUndo(planned),
    'Would bring back 2 blobs, 1 manifest, 0 tags: 2.0 KiB out of the trash.',
  );
});

test('gc undo through the whole registry: beside it, again, of no run, and with nobody there', async (t) => {
  const env = { GATEHOUSE_GC_TRASH: '24h', GATEHOUSE_AUTH_BCRYPT_COST: '8' };
  const registry = await startGatehouse(t, { env });
  const { digest } = await pushImage(registry, 'team/app', 'latest', { layers: ['a layer'] });
  const path = `/v2/team/app/manifests/${digest}`;
  await request(registry, { method: 'DELETE', path: '/v2/team/app/manifests/latest' });
  const database = openDatabase(join(registry.data, 'registry.db'));
  ageRows(database, 1000 * hour);
  database.close();

  const collected = await registry.cliOk(['gc']);
  const [, run] = /gatehouse gc undo (\d+)$/m.exec(collected) ?? [];
  assert.ok(run, collected);
  assert.equal((await request(registry, { path })).status, 404);
  assert.match(
    await registry.cliOk(['gc', 'undo', run, '--dry-run']),
    /^Would bring back 2 blobs, 1 manifest/,
  );
  assert.equal((await request(registry, { path })).status, 404);
  assert.match(await registry.cliOk(['gc', 'undo', run]), /^Brought back 2 blobs, 1 manifest, 0 tags/);
  assert.equal((await request(registry, { path })).status, 200);
  const again = JSON.parse(await registry.cliOk(['gc', 'undo', run, '--json']));
  assert.deepEqual([again.run, again.already_there, again.could_not], [Number(run), 3, []]);

  const none = await registry.cli(['gc', 'undo', '999']);
  assert.deepEqual([none.code, /there was no run 999/.test(none.stderr)], [1, true], none.stderr);
  for (const bad of [
    ['undo'],
    ['undo', 'x'],
    ['undo', '0'],
    ['undo', '1', '2'],
    ['undo', '1', '--limit', '3'],
  ]) {
    assert.equal((await registry.cli(['gc', ...bad])).code, 2, bad.join(' '));
  }
  assert.equal(await registry.stop(), 0);
  const alone = await registry.cli(['gc', 'undo', run]);
  assert.deepEqual([alone.code, /does not run .* start it/.test(alone.stderr)], [1, true], alone.stderr);
});
