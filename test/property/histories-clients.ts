import { withParameter } from '../support/push.ts';
import {
  artifactOf,
  blobDigests,
  blobs,
  imageOf,
  indexOf,
  mediaTypeOf,
  referrerOf,
} from './histories-contents.ts';
import type { Manifest } from './histories-model.ts';
import type { Requests } from './histories-requests.ts';
import type { ClientStep } from './histories-steps.ts';

const expiryHours = 24;

/** What clients do, as the requests that they send. @throws CoreDied */
export async function act(requests: Requests, step: ClientStep): Promise<void> {
  switch (step.do) {
    case 'upload':
      return upload(requests, step.repository, step.blob);
    case 'skip':
      return uploadUnlessThere(requests, step.repository, step.blob);
    case 'mount':
      return mount(requests, step.repository, step.from, step.blob);
    case 'push':
      return push(requests, step.repository, [step.config, ...step.layers], step.tag);
    case 'image':
      return put(requests, step.repository, imageOf(step.config, step.layers), step.tag);
    case 'index': {
      const children = step.children.map((child) => requests.pick(step.repository, child));
      return put(requests, step.repository, indexOf(children), step.tag);
    }
    case 'referrer': {
      const subject = requests.pick(step.repository, step.subject);
      return put(requests, step.repository, referrerOf(subject, step.layer), undefined);
    }
    case 'artifact':
      return put(requests, step.repository, artifactOf(step.number), step.tag);
    case 'retag':
      return put(requests, step.repository, requests.pick(step.repository, step.manifest), step.tag);
    case 'headManifest':
      return headManifest(requests, step.repository, requests.pick(step.repository, step.manifest).digest);
    case 'deleteManifest':
      return deleteManifest(requests, step.repository, requests.pick(step.repository, step.manifest).digest);
    case 'deleteTag':
      return deleteTag(requests, step.repository, step.tag);
    case 'deleteBlob':
      return deleteBlob(requests, step.repository, blobDigests[step.blob]!);
    case 'begin':
      return begin(requests, step.repository, step.blob);
    case 'end':
      return end(requests, step.session);
    case 'cancel':
      return cancel(requests, step.session);
  }
}

async function upload(requests: Requests, repository: string, blob: number): Promise<void> {
  const opened = await requests.send(`/v2/${repository}/blobs/uploads/`, { method: 'POST' }, () => 202);
  const path = withParameter(opened.headers.location!, 'digest', blobDigests[blob]!);
  await requests.send(path, { method: 'PUT', body: blobs[blob]! }, (model) => {
    model.link(repository, blobDigests[blob]!);
    return 201;
  });
}

async function uploadUnlessThere(requests: Requests, repository: string, blob: number): Promise<void> {
  const path = `/v2/${repository}/blobs/${blobDigests[blob]}`;
  const { status } = await requests.send(path, { method: 'HEAD' }, (model) =>
    model.headBlob(repository, blobDigests[blob]!) ? 200 : 404,
  );
  if (status === 404) await upload(requests, repository, blob);
}

/** A mount of what is not there opens a session, which is left to the collector. */
async function mount(requests: Requests, repository: string, from: string, blob: number): Promise<void> {
  const digest = blobDigests[blob]!;
  const path = `/v2/${repository}/blobs/uploads/?mount=${digest}&from=${from}`;
  await requests.send(path, { method: 'POST' }, (model) => {
    if (!model.repository(from).links.has(digest)) return 202;
    model.link(repository, digest);
    return 201;
  });
}

async function push(
  requests: Requests,
  repository: string,
  parts: readonly number[],
  tag: string | undefined,
): Promise<void> {
  for (const blob of parts) await uploadUnlessThere(requests, repository, blob);
  await put(requests, repository, imageOf(parts[0]!, parts.slice(1)), tag);
}

async function put(
  requests: Requests,
  repository: string,
  manifest: Manifest,
  tag: string | undefined,
): Promise<void> {
  if (!requests.made.some(({ digest }) => digest === manifest.digest)) requests.made.push(manifest);
  const path = `/v2/${repository}/manifests/${tag ?? manifest.digest}`;
  const headers = { 'content-type': mediaTypeOf(manifest) };
  await requests.send(path, { method: 'PUT', headers, body: manifest.content }, (model) =>
    model.putManifest(repository, manifest, tag),
  );
}

async function headManifest(requests: Requests, repository: string, digest: string): Promise<void> {
  await requests.send(`/v2/${repository}/manifests/${digest}`, { method: 'HEAD' }, (model) =>
    model.headManifest(repository, digest) ? 200 : 404,
  );
}

async function deleteManifest(requests: Requests, repository: string, digest: string): Promise<void> {
  await requests.send(`/v2/${repository}/manifests/${digest}`, { method: 'DELETE' }, (model) =>
    model.deleteManifest(repository, digest),
  );
}

async function deleteTag(requests: Requests, repository: string, tag: string): Promise<void> {
  await requests.send(`/v2/${repository}/manifests/${tag}`, { method: 'DELETE' }, (model) =>
    model.deleteTag(repository, tag),
  );
}

async function deleteBlob(requests: Requests, repository: string, digest: string): Promise<void> {
  await requests.send(`/v2/${repository}/blobs/${digest}`, { method: 'DELETE' }, (model) =>
    model.deleteBlob(repository, digest),
  );
}

async function begin(requests: Requests, repository: string, blob: number): Promise<void> {
  const opened = await requests.send(`/v2/${repository}/blobs/uploads/`, { method: 'POST' }, () => 202);
  const location = opened.headers.location!;
  requests.sessions.push({ location, repository, blob, expiresAt: requests.model.now + expiryHours });
  const half = blobs[blob]!.subarray(0, blobs[blob]!.length / 2);
  await requests.send(location, { method: 'PATCH', body: half }, () => 202);
}

async function end(requests: Requests, number: number): Promise<void> {
  const session = requests.takeSession(number);
  if (!session) return;
  const asked = await requests.send(session.location, {}, () => 204);
  const last = Number(/^0-(\d+)$/.exec(asked.headers.range ?? '')?.[1]);
  const digest = blobDigests[session.blob]!;
  const path = withParameter(session.location, 'digest', digest);
  // 0-0 is what the status says of none.
  const body = blobs[session.blob]!.subarray(last === 0 ? 0 : last + 1);
  await requests.send(path, { method: 'PUT', body }, (model) => {
    model.link(session.repository, digest);
    return 201;
  });
}

async function cancel(requests: Requests, number: number): Promise<void> {
  const session = requests.takeSession(number);
  if (session) await requests.send(session.location, { method: 'DELETE' }, () => 204);
}
