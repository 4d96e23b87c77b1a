import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { Digest } from '../../oci/digest.ts';
import { parseManifest } from '../../oci/manifest.ts';
import { hour, image, index, openStores } from './support.ts';

test('a child that arrives after its sparse index is held by it, and goes with it', async (t) => {
  const stores = await openStores(t);
  const config = await stores.pushBlob('app');
  const child = image(config, []);
  const digest: Digest = `sha256:${createHash('sha256').update(JSON.stringify(child)).digest('hex')}`;
  const content = Buffer.from(JSON.stringify(index([digest])));
  const list: Digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
  const manifest = parseManifest(content, undefined);
  const request = { repository: 'app', digest: list, content, manifest, needed: [], tags: ['list'] };
  await stores.registry.putManifest(request, stores.context);
  await stores.collect();
  assert.equal(await stores.headManifest('app', list), true, 'a child that is missing harms nothing');

  assert.equal(await stores.putManifest('app', child), digest);
  stores.age(30 * 24 * hour);
  await stores.collect();
  assert.notEqual(await stores.registry.manifest('app', { digest }), undefined);
  assert.equal(await stores.readable('app', config), true);

  await stores.deleteManifest('app', list);
  stores.age(30 * 24 * hour);
  await stores.collect();
  assert.equal(await stores.registry.manifest('app', { digest }), undefined);
  assert.equal(await stores.readable('app', config), false);
});
