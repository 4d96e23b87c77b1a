import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { Rest } from '../../registry-core/metadata/rest.ts';
import { migrations } from '../../registry-core/metadata/schema.ts';
import { openDatabase } from '../../runtime/sqlite.ts';
import { temporaryDirectory } from '../support/files.ts';
import { onEnd, type Scope } from '../support/scope.ts';

async function twoConnections(t: Scope) {
  const path = join(await temporaryDirectory(t, 'rest'), 'registry.db');
  const [own, other] = [openDatabase(path, { migrations }), openDatabase(path)];
  onEnd(t, () => own.close());
  onEnd(t, () => other.close());
  const write = (database: typeof own) =>
    database.exec(
      "INSERT INTO meta (key, value) VALUES ('x', '1') ON CONFLICT DO UPDATE SET value = value || '1'",
    );
  return { rest: new Rest(own), writeOwn: () => write(own), writeOther: () => write(other) };
}

/** Work of a known length. */
function takeMs(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

test('nobody else writes: a run rests for a millisecond, however long it worked', async (t) => {
  const { rest, writeOwn } = await twoConnections(t);
  rest.during(() => {
    writeOwn();
    takeMs(10);
  });
  assert.deepEqual([rest.next(), rest.transactionMs()], [1, 20]);
});

test('while others write a run rests twice as long as it worked, 50 ms at most', async (t) => {
  const { rest, writeOther } = await twoConnections(t);
  writeOther();
  rest.during(() => takeMs(8));
  const after = rest.next();
  assert.ok(after >= 16 && after <= 50, `${after}`);
  assert.equal(rest.transactionMs(), 4);
  assert.equal(rest.next(), 1, 'nothing was done since');
  rest.during(() => takeMs(60));
  assert.equal(rest.next(), 50, 'who wrote a moment ago may write again');
});

test('a transaction that fails counts, too', async (t) => {
  const { rest, writeOther } = await twoConnections(t);
  writeOther();
  assert.throws(() =>
    rest.during(() => {
      takeMs(8);
      throw new Error('no');
    }),
  );
  assert.ok(rest.next() >= 16);
});

test('while no core serves the store a transaction may take longer, and the log gets longer before it is copied', async (t) => {
  const path = join(await temporaryDirectory(t, 'rest'), 'registry.db');
  const own = openDatabase(path, { migrations });
  onEnd(t, () => own.close());
  let isServed = false;
  const rest = new Rest(own, () => isServed);
  const pages = () => own.pragma('wal_autocheckpoint', { simple: true });
  assert.deepEqual([rest.transactionMs(), pages()], [80, 16_000]);
  assert.equal(rest.sweepLimit(), 4000);
  isServed = true;
  assert.deepEqual([rest.next(), pages(), rest.transactionMs()], [1, 1000, 20]);
  assert.equal(rest.sweepLimit(), 250, 'a push waits for no large transaction');
});
