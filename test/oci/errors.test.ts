import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ErrorCode, errorTable, OciError, sentCode } from '../../oci/errors.ts';

/** distribution-spec "Error Codes", code-1 to code-14, with the statuses that its endpoints give them. */
const specified: Readonly<Record<string, number>> = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 400,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  SIZE_INVALID: 400,
  UNAUTHORIZED: 401,
  DENIED: 403,
  UNSUPPORTED: 405,
  TOOMANYREQUESTS: 429,
};

const codes = Object.keys(errorTable) as ErrorCode[];

test('every code of the specification is in the table', () => {
  for (const [code, status] of Object.entries(specified)) {
    assert.equal(errorTable[code as ErrorCode]?.status, status, code);
  }
});

test('codes, statuses and messages have the specified form', () => {
  for (const code of codes) {
    // "The code field MUST be a unique identifier, containing only uppercase alphabetic characters and underscores."
    assert.match(code, /^[A-Z_]+$/);
    assert.ok(errorTable[code].status >= 400 && errorTable[code].status < 600, code);
    assert.match(errorTable[code].message, /^\S.*[^.\s]$/);
  }
});

test('a 4xx is sent with a code of the specification, and says in its detail which of ours it is', () => {
  // "Legacy Docker support error codes" has TAG_INVALID.
  const allowed = [...Object.keys(specified), 'TAG_INVALID'];
  for (const code of codes.filter((name) => errorTable[name].status < 500)) {
    const [{ code: sent, detail }] = JSON.parse(new OciError(code).toBody()).errors;
    assert.ok(allowed.includes(sent), `${code} is sent as ${sent}`);
    assert.equal(detail?.condition, allowed.includes(code) ? undefined : code);
  }
});

test('a body is a list of one error with code, message and detail', () => {
  for (const code of codes) {
    const error = new OciError(code, { detail: { digest: 'x' } });
    assert.ok(error instanceof Error);
    assert.equal(error.status, errorTable[code].status);
    assert.deepEqual(error.headers, {});
    const { message } = errorTable[code];
    const sent = sentCode(code);
    const detail = { ...(sent === code ? {} : { condition: code }), digest: 'x' };
    assert.deepEqual(JSON.parse(error.toBody()), { errors: [{ code: sent, message, detail }] });
    assert.ok(error.toBody().endsWith('\n'));
  }
});

test('without detail there is no such field', () => {
  assert.equal(
    new OciError('DENIED').toBody(),
    '{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}\n',
  );
});

test('message, status, headers and cause are the caller’s where given; the cause is not in the body', () => {
  const cause = new Error('/secret/path');
  const headers = { 'Retry-After': '5' };
  const error = new OciError('SIZE_INVALID', { status: 413, message: 'too large', headers, cause });
  assert.deepEqual([error.status, error.message, error.headers], [413, 'too large', headers]);
  assert.equal(error.cause, cause);
  assert.doesNotMatch(error.toBody(), /secret/);
});

test('what a client sent cannot break out of the body', () => {
  const error = new OciError('NAME_INVALID', { message: '"}]}\n', detail: { name: '\ud800\u0000"' } });
  assert.deepEqual(JSON.parse(error.toBody()).errors[0].detail, { name: '\ud800\u0000"' });
  assert.equal(error.toBody().split('\n').length, 2);
});
