import assert from 'node:assert/strict';
import test, { before } from 'node:test';
import { DOCKER_MANIFEST, digestOf, OCI_INDEX, OCI_MANIFEST, pushBlob } from '../support/push.ts';
import { fileScope } from '../support/scope.ts';
import { emptyConfig, image, index, putManifest } from './manifests.ts';
import { assertError, rowsOf, startCore, type TestCore } from './support.ts';

let core: TestCore;
before(async () => {
  core = await startCore(fileScope);
  await pushBlob(core, 'app', '{}');
});

const json = JSON.stringify;
const descriptor = { mediaType: 'a/b', digest: digestOf('x'), size: 1 };
const schema1 = 'application/vnd.docker.distribution.manifest.v1';

const faults: [name: string, body: string | Buffer, contentType: string | undefined][] = [
  ['no JSON', 'hello', OCI_MANIFEST],
  ['no UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), OCI_MANIFEST],
  ['nothing', '', OCI_MANIFEST],
  ['a list', '[]', OCI_MANIFEST],
  ['null', 'null', OCI_MANIFEST],
  ['depth', '['.repeat(1_000_000), OCI_MANIFEST],
  ['no type at all', json({ schemaVersion: 2, config: emptyConfig, layers: [] }), undefined],
  ['an unknown type', json({ schemaVersion: 2, mediaType: 'text/html' }), 'text/html'],
  ['plain JSON', json({ schemaVersion: 2, config: emptyConfig, layers: [] }), 'application/json'],
  ['two types that differ', image(emptyConfig), DOCKER_MANIFEST],
  ['an index under an image’s type', index([]), OCI_MANIFEST],
  ['another schemaVersion', image(emptyConfig, [], { schemaVersion: 3 }), OCI_MANIFEST],
  ['no schemaVersion', image(emptyConfig, [], { schemaVersion: undefined }), OCI_MANIFEST],
  ['no config', image(undefined as never), OCI_MANIFEST],
  ['layers that are none', image(emptyConfig, 'text' as never), OCI_MANIFEST],
  ['a layer without digest', image(emptyConfig, [{ ...descriptor, digest: undefined }]), OCI_MANIFEST],
  ['a digest of another form', image(emptyConfig, [{ ...descriptor, digest: 'sha256:short' }]), OCI_MANIFEST],
  ['a size that is none', image(emptyConfig, [{ ...descriptor, size: -1 }]), OCI_MANIFEST],
  ['a size in text', image(emptyConfig, [{ ...descriptor, size: '1' }]), OCI_MANIFEST],
  ['a subject that is none', image(emptyConfig, [], { subject: 'text' }), OCI_MANIFEST],
  ['a malformed subject', image(emptyConfig, [], { subject: { ...descriptor, digest: 'x' } }), OCI_MANIFEST],
  ['annotations that are no strings', image(emptyConfig, [], { annotations: { a: 1 } }), OCI_MANIFEST],
  ['too many entries', index(Array.from({ length: 20_001 }, () => descriptor)), OCI_INDEX],
];

for (const [name, body, contentType] of faults) {
  test(`a manifest with ${name} is 400 MANIFEST_INVALID`, async () => {
    const answer = await putManifest(core, 'app', 'bad', body, contentType ?? '');
    assertError(answer, 400, 'MANIFEST_INVALID');
  });
}

test('an unknown type is refused with the list of those that are known', async () => {
  const answer = await putManifest(core, 'app', 'bad', '{"schemaVersion":2}', 'application/x-other');
  const detail = assertError(answer, 400, 'MANIFEST_INVALID');
  assert.equal(detail.mediaType, 'application/x-other');
  assert.ok(detail.supported.includes(OCI_MANIFEST));
});

const old: [contentType: string, body: string][] = [
  [`${schema1}+json`, json({ schemaVersion: 1 })],
  [`${schema1}+prettyjws`, json({ schemaVersion: 1, signatures: [] })],
  ['application/json', json({ schemaVersion: 1, name: 'app', tag: 'latest', fsLayers: [] })],
];

for (const [contentType, body] of old) {
  test(`schema 1 as ${contentType} is refused with advice`, async () => {
    const answer = await putManifest(core, 'app', 'old', body, contentType);
    assertError(answer, 400, 'UNSUPPORTED');
    assert.match(answer.json.errors[0].message, /schema 1.*push with/);
  });
}

test('a manifest that could be read as an image and as an index is refused', async () => {
  const both = image(emptyConfig, [], { manifests: [] });
  assertError(await putManifest(core, 'app', 'bad', both), 400, 'MANIFEST_INVALID');
});

const accepted: [name: string, contentType: string, body: Buffer][] = [
  ['parameters', `${OCI_MANIFEST}; charset=utf-8`, image(emptyConfig)],
  ['capitals', OCI_MANIFEST.toUpperCase(), image(emptyConfig)],
  ['no Content-Type but a mediaType', '', image(emptyConfig)],
  ['no mediaType but a Content-Type', OCI_MANIFEST, image(emptyConfig, [], { mediaType: undefined })],
];

for (const [name, contentType, body] of accepted) {
  test(`a Content-Type with ${name} will do`, async () => {
    const answer = await putManifest(core, 'app', 'good', body, contentType);
    assert.equal(answer.status, 201, answer.text);
  });
}

test('the same bytes under another type are refused: readers of the first would see them change', async () => {
  const body = json({ schemaVersion: 2, config: emptyConfig, layers: [], retyped: true });
  assert.equal((await putManifest(core, 'app', 'typed', body, OCI_MANIFEST)).status, 201);
  const detail = assertError(
    await putManifest(core, 'app', 'bad', body, DOCKER_MANIFEST),
    400,
    'MANIFEST_INVALID',
  );
  assert.equal(detail.stored, OCI_MANIFEST);
});

test('nothing is left of what was refused', () => {
  const rows = rowsOf(core.config, "SELECT 1 FROM tags WHERE name IN ('bad', 'old')");
  assert.deepEqual(rows, []);
});
