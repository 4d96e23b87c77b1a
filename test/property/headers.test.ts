import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatEndpoint, parseEndpoint } from '../../oci/endpoints.ts';
import { formatWarning, limitWarnings } from '../../oci/warning.ts';
import { nextLink } from '../../registry-core/handlers/responses.ts';
import { demandPrecondition, matchesEtag } from '../../registry-core/preconditions.ts';
import { formatContext, internalHeaders, parseContext } from '../../runtime/request-context.ts';
import { anyText, digest, endpoint, onlyOciErrors } from './support.ts';

test('Link: a client that reads it as RFC 8288 says gets the next page, and nothing breaks out of it', () => {
  fc.assert(
    fc.property(endpoint, (page) => {
      const { Link } = nextLink(formatEndpoint(page));
      const [, target, parameters] = /^<([^<>]*)>(.*)$/.exec(Link!) ?? [];
      assert.equal(parameters, '; rel="next"');
      assert.match(Link!, /^[\x20-\x7e]*$/);
      const { pathname, search } = new URL(target!, 'https://any.example/v2/x/tags/list?n=1');
      assert.deepEqual(parseEndpoint(page.method, pathname + search), parseEndpoint(page.method, target!));
    }),
    { numRuns: 2000 },
  );
});

test('Warning: the text comes out of its quotes as it went in, and fits one header line', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const [, quoted = ''] =
        /^299 - "((?:[^"\\]|\\["\\])*)"$/.exec(formatWarning(text)) ?? assert.fail(text);
      assert.match(quoted, /^[\x20-\x7e]*$/);
      assert.equal(quoted.replace(/\\(.)/g, '$1'), text.replace(/[^\x20-\x7e]/g, '?'));
    }),
    { numRuns: 2000 },
  );
});

test('Warning: of many, those that fit into 4096 bytes, each once and in order', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 2000 }).map(formatWarning)), (all) => {
      const kept = limitWarnings(all);
      assert.ok(kept.join('').length <= 4096);
      assert.deepEqual(
        kept,
        [...new Set(all)].filter((value) => kept.includes(value)),
      );
      if (all.length > 0 && all[0]!.length <= 4096) assert.equal(kept[0], all[0]);
    }),
  );
});

const etagList = fc.array(
  fc.oneof(
    anyText,
    digest.map((text) => `"${text}"`),
  ),
  { maxLength: 4 },
);

test('If-Match and If-None-Match: whatever comes, an entity tag that is listed is found', () => {
  fc.assert(
    fc.property(etagList, digest, fc.constantFrom('', 'W/'), (others, of, weak) => {
      const etag = `"${of}"`;
      const header = [...others, weak + etag].join(' , ');
      assert.equal(matchesEtag(header, etag), true);
      assert.equal(typeof matchesEtag(others.join(','), etag), 'boolean');
      const condition = { ifMatch: others.join(','), ifNoneMatch: header };
      onlyOciErrors(() => demandPrecondition(condition, etag));
      onlyOciErrors(() => demandPrecondition(condition, undefined));
    }),
    { numRuns: 2000 },
  );
});

test('the context for the core is a header value, and is read to the same', () => {
  const text = anyText.filter((value) => value.isWellFormed());
  const context = fc.record(
    { actor: text, requestId: text, clientAddress: text, readable: fc.array(text) },
    { requiredKeys: ['actor', 'requestId', 'clientAddress'] },
  );
  fc.assert(
    fc.property(context, (given) => {
      const header = formatContext(given);
      assert.match(header, /^[A-Za-z0-9_-]+$/);
      assert.deepEqual(parseContext({ [internalHeaders.context]: header }), structuredClone(given));
    }),
  );
});
