import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonAnswer } from '../../registry-core/handlers/responses.ts';
import { KeptLists } from '../../registry-core/kept-lists.ts';

test('a list is made once for each question and version of the store', async () => {
  let version = 1;
  const lists = new KeptLists({ version: () => version });
  let made = 0;
  const ask = (key: string) =>
    lists.answer(key, async () => {
      made++;
      return jsonAnswer(200, { key, version });
    });
  const first = await ask('/v2/a/tags/list');
  assert.equal(await ask('/v2/a/tags/list'), first);
  assert.equal(made, 1);
  assert.notDeepEqual((await ask('/v2/b/tags/list')).body, first.body);
  version++;
  assert.notDeepEqual((await ask('/v2/a/tags/list')).body, first.body);
  assert.equal(made, 3);
});

test('a list that changed while it was made is made again', async () => {
  let version = 1;
  const lists = new KeptLists({ version: () => version });
  const ask = () =>
    lists.answer('/v2/a/tags/list', async () => {
      const answer = jsonAnswer(200, version);
      version = 2;
      return answer;
    });
  await ask();
  assert.equal(`${(await ask()).body}`, '2');
});
