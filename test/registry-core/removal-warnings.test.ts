import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request } from '../support/http.ts';
import type { Scope } from '../support/scope.ts';
import { describe, imageOf, putManifest } from './manifests.ts';
import { startCore, type TestCore, withRows } from './support.ts';

const day = 86_400_000;

/** A tag pushed so many days ago, in a repository with this policy. */
async function agedTag(t: Scope, policy: string, days: number) {
  const core = await startCore(t, { settings: { 'gc.policies': `[{ repositories: a/b, ${policy} }]` } });
  const manifest = await imageOf(core, 'a/b', 'x');
  await putManifest(core, 'a/b', 'old', manifest);
  age(core, days);
  return { core, manifest };
}

function age({ config }: TestCore, days: number): void {
  withRows(config, (database) => database.exec(`UPDATE tags SET updated_at = updated_at - ${days * day}`));
}

async function warningOf(core: TestCore, method: 'HEAD' | 'GET', reference = 'old') {
  const { status, headers } = await request(core, { method, path: `/v2/a/b/manifests/${reference}` });
  assert.equal(status, 200);
  return headers['warning'];
}

test('who asks for a tag uses it: from then on there is nothing to warn of', async (t) => {
  for (const method of ['GET', 'HEAD'] as const) {
    const { core } = await agedTag(t, 'unused: 30d', 25);
    assert.equal(await warningOf(core, method), undefined, 'although it waits in memory');
    await core.registry.flushPulls();
    assert.equal(await warningOf(core, method), undefined);
  }
});

test('a tag that newer ones have pushed out goes with the next collection, whoever uses it', async (t) => {
  const { core, manifest } = await agedTag(t, 'keep_last: 2', 2);
  await putManifest(core, 'a/b', 'new', manifest);
  assert.equal(await warningOf(core, 'GET'), undefined, 'it is one of the last two');
  const other = await startCore(t, { settings: { 'gc.policies': '[{ repositories: a/b, keep_last: 2 }]' } });
  const image = await imageOf(other, 'a/b', 'x');
  for (const tag of ['old', 'newer', 'newest']) {
    await putManifest(other, 'a/b', tag, image);
    age(other, 1);
  }
  const expected =
    '299 - "retention removes tag old of a/b with the next collection, since newer tags were pushed, unless it is pushed again"';
  for (const method of ['GET', 'HEAD'] as const) assert.equal(await warningOf(other, method), expected);
  assert.equal(await warningOf(other, 'HEAD', 'newer'), undefined);
});

test('where tags live for less than a week, who asks for one is told until when it does', async (t) => {
  for (const method of ['GET', 'HEAD'] as const) {
    const { core } = await agedTag(t, 'unused: 2d', 1);
    const warning = String(await warningOf(core, method));
    const [, time] =
      /^299 - "retention removes tag old of a\/b at (\S+) unless it is pulled or pushed before"$/.exec(
        warning,
      ) ?? [];
    assert.ok(Math.abs(Date.parse(time!) - Date.now() - 2 * day) < 3 * 3_600_000, warning);
  }
});

/** [policy, days since the push] */
const silent: readonly (readonly [string, number])[] = [
  ['unused: 30d', 20],
  ['unused: 30d, keep: ["o*"]', 29],
  ['unused: 30d, protected: [old]', 29],
  ['unused: 30d, keep_last: 1', 29],
  ['keep_last: 1', 29],
  ['untagged: 1d', 29],
];

for (const [policy, days] of silent) {
  test(`no warning ${days} days after the push with { ${policy} }`, async (t) => {
    const { core } = await agedTag(t, policy, days);
    assert.equal(await warningOf(core, 'HEAD'), undefined);
  });
}

test('no warning by digest', async (t) => {
  const { core, manifest } = await agedTag(t, 'unused: 2d', 1);
  assert.ok(await warningOf(core, 'HEAD'));
  assert.equal(await warningOf(core, 'HEAD', describe(manifest).digest), undefined);
});
