import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  formatContext,
  internalHeaders,
  parseContext,
  type RequestContext,
} from '../../runtime/request-context.ts';

test('a context comes through a header unchanged', () => {
  const text = fc.string({ unit: 'grapheme' });
  const context = fc.record(
    { actor: text, requestId: text, clientAddress: text, readable: fc.array(text) },
    { requiredKeys: ['actor', 'requestId', 'clientAddress'], noNullPrototype: true },
  );
  fc.assert(
    fc.property(context, (wanted: RequestContext) => {
      const header = formatContext(wanted);
      assert.match(header, /^[A-Za-z0-9_-]+$/);
      assert.deepEqual(parseContext({ [internalHeaders.context]: header }), wanted);
    }),
  );
});

test('without the header the actor is unknown and nothing is readable', () => {
  assert.deepEqual(parseContext({}), { actor: '-', requestId: '-', clientAddress: '-' });
  assert.equal(parseContext({ [internalHeaders.context]: ['a', 'b'] }).readable, undefined);
});

test('a header that is no context is an error, never a context', () => {
  for (const text of ['', 'x', '%', 'e30', 'bnVsbA', 'W10']) {
    const parsed = (() => {
      try {
        return parseContext({ [internalHeaders.context]: text });
      } catch {
        return undefined;
      }
    })();
    assert.equal(parsed?.readable, undefined, text);
  }
});

test('internal header names are as Node hands them over', () => {
  for (const name of Object.values(internalHeaders)) assert.match(name, /^x-[a-z-]+$/);
});
