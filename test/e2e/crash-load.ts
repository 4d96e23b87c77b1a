import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { openCoreMessages } from '../../gateway/core-messages.ts';
import { ageRows, hour } from '../gc/support.ts';
import { deleteManifest, image } from '../registry-core/manifests.ts';
import { somebody, type TestCore, withRows } from '../registry-core/support.ts';
import { finish, openUpload, patch } from '../registry-core/uploading.ts';
import { request, type Target } from '../support/http.ts';
import {
  describeBlob,
  digestOf,
  expectStatus,
  OCI_CONFIG,
  OCI_LAYER,
  pushBlob,
  pushManifest,
  withParameter,
} from '../support/push.ts';
import { onEnd, type Scope } from '../support/scope.ts';

/** What the server answered 201 to, by the path of its pull. */
export interface Acknowledged {
  stored: Map<string, Buffer>;
  /** Those that a tag keeps. */
  kept: Map<string, Buffer>;
}

export function nothingYet(): Acknowledged {
  return { stored: new Map(), kept: new Map() };
}

/**
 * One round of all that the core writes: an upload that is cancelled, a layer in two chunks, large enough to be synced
 * by itself or with the journal, the same layer uploaded
 * to another repository and mounted to a third, a tagged image, and one whose tag and manifest are deleted.
 * @throws Error when the server goes away. What it acknowledged before is in `acknowledged`.
 */
export async function loadRound(
  target: Target,
  acknowledged: Acknowledged,
  layerBytes = 100_000,
): Promise<void> {
  const { stored, kept } = acknowledged;
  const layer = randomBytes(layerBytes);
  const config = Buffer.from(JSON.stringify({ layer: digestOf(layer) }));
  const cancelled = await openUpload(target, 'app');
  expectStatus(await request(target, { method: 'DELETE', path: cancelled }), 204, 'cancelling');

  const location = await openUpload(target, 'app');
  expectStatus(await patch(target, location, layer.subarray(0, 1000)), 202, 'the first chunk');
  expectStatus(
    await finish(target, location, digestOf(layer), layer.subarray(1000)),
    201,
    'the second chunk',
  );
  stored.set(`/v2/app/blobs/${digestOf(layer)}`, layer);
  await pushBlob(target, 'copy', layer);
  stored.set(`/v2/copy/blobs/${digestOf(layer)}`, layer);
  const mount = `/v2/mounted/blobs/uploads/?mount=${digestOf(layer)}&from=app`;
  expectStatus(await request(target, { method: 'POST', path: mount }), 201, 'mounting');
  stored.set(`/v2/mounted/blobs/${digestOf(layer)}`, layer);

  await pushBlob(target, 'app', config);
  stored.set(`/v2/app/blobs/${digestOf(config)}`, config);
  const [first, ...rest] = [describeBlob(OCI_CONFIG, config), describeBlob(OCI_LAYER, layer)];
  const manifest = image(first!, rest);
  const digest = await pushManifest(target, 'app', `t${digestOf(manifest).slice(7, 19)}`, manifest);
  stored.set(`/v2/app/manifests/${digest}`, manifest);
  for (const blob of [layer, config]) kept.set(`/v2/app/blobs/${digestOf(blob)}`, blob);
  kept.set(`/v2/app/manifests/${digest}`, manifest);

  const other = await pushManifest(target, 'app', 'other', image(first!));
  for (const reference of ['other', other]) {
    expectStatus(await deleteManifest(target, 'app', reference), 202, `deleting ${reference}`);
  }
}

/**
 * Small blobs until the core goes away, as the gateway passes them on: POST, PATCH and PUT, each as a message.
 * @throws Error when it does. What it acknowledged before is in `acknowledged`.
 */
export async function pushByMessages(
  scope: Scope,
  data: string,
  { stored }: Acknowledged,
  count = 50,
): Promise<void> {
  const messages = openCoreMessages(join(data, 'run', 'core-messages.sock'));
  onEnd(scope, () => messages.close());
  const question = { method: 'GET', target: '/v2/', headers: {}, context: somebody };
  await messages.ask(question);
  const send = async (method: string, target: string, status: number, body = Buffer.alloc(0)) => {
    const headers = { 'content-length': `${body.length}` };
    const answer = await messages.submit({ ...question, method, target, headers }, body);
    assert.equal(answer?.statusCode, status, `${method} ${target}: ${answer?.body}`);
    return answer!.headers;
  };
  for (let round = 0; round < count; round++) {
    const bytes = randomBytes(3000);
    const { location } = await send('POST', '/v2/app/blobs/uploads/', 202);
    await send('PATCH', location!, 202, bytes);
    await send('PUT', withParameter(location!, 'digest', digestOf(bytes)), 201);
    stored.set(`/v2/app/blobs/${digestOf(bytes)}`, bytes);
  }
}

/** Every byte of what was acknowledged. */
export async function assertPulls(target: Target, contents: ReadonlyMap<string, Buffer>): Promise<void> {
  for (const [path, bytes] of contents) {
    const answer = await request(target, { path });
    expectStatus(answer, 200, `${path} was acknowledged`);
    assert.ok(answer.body.equals(bytes), `${path} has other bytes`);
  }
}

/** Garbage of every kind, all of it due, beside what a tag keeps. */
export async function prepareGarbage(core: TestCore): Promise<Acknowledged> {
  const acknowledged = nothingYet();
  await loadRound(core, acknowledged);
  for (const text of ['one', 'two', 'three']) await pushBlob(core, 'garbage', text);
  for (const repository of ['left', 'behind']) await openUpload(core, repository);
  withRows(core.config, (database) => ageRows(database, 1000 * hour));
  return acknowledged;
}
