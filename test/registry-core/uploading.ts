import { createHash, randomBytes } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import type { Config } from '../../runtime/config-schema.ts';
import { type Answer, request, type Target } from '../support/http.ts';
import { expectStatus } from '../support/push.ts';

/** The requests of an upload, one by one. Locations are taken as they come, as clients do. */
export async function openUpload(target: Target, repository: string, query = ''): Promise<string> {
  const answer = await request(target, { method: 'POST', path: `/v2/${repository}/blobs/uploads/${query}` });
  expectStatus(answer, 202, `opening an upload in ${repository}`);
  return answer.headers.location!;
}

export function patch(
  target: Target,
  location: string,
  body: string | Buffer,
  contentRange?: string,
): Promise<Answer> {
  const range = contentRange === undefined ? {} : { 'content-range': contentRange };
  return request(target, {
    method: 'PATCH',
    path: location,
    headers: { ...target.headers, 'content-type': 'application/octet-stream', ...range },
    body,
  });
}

export function finish(
  target: Target,
  location: string,
  digest: string,
  body?: string | Buffer,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const path = `${location}?digest=${encodeURIComponent(digest)}`;
  return request(target, { method: 'PUT', path, headers: { ...target.headers, ...headers }, body });
}

/** `Range` of GET on the session: what the registry has of it. */
export async function statusOf(target: Target, location: string): Promise<string> {
  const answer = await request(target, { path: location });
  expectStatus(answer, 204, `asking for ${location}`);
  return answer.headers.range!;
}

export async function getBlob(target: Target, repository: string, digest: string): Promise<Answer> {
  return request(target, { path: `/v2/${repository}/blobs/${digest}` });
}

export function sessionOf(location: string): string {
  return location.slice(location.lastIndexOf('/') + 1);
}

export function sha512Of(bytes: string | Buffer): string {
  return `sha512:${createHash('sha512').update(bytes).digest('hex')}`;
}

/** Content that nothing else has. */
export function someBytes(size: number): Buffer {
  return randomBytes(size);
}

/** A PATCH whose body the test sends piece by piece. */
export function openPatch(target: Target, location: string, headers: Record<string, string> = {}) {
  const { promise: answered, resolve, reject } = Promise.withResolvers<Answer['status']>();
  const sent = httpRequest({
    socketPath: target.socketPath,
    path: location,
    method: 'PATCH',
    headers: { ...target.headers, ...headers },
  });
  sent.on('error', reject);
  sent.on('response', (response) => response.resume().on('end', () => resolve(response.statusCode!)));
  // Whoever cuts the connection does not ask for the answer.
  answered.catch(() => undefined);
  const send = (bytes: Buffer) =>
    new Promise<void>((done, fail) => {
      sent.write(bytes, (error) => (error ? fail(error) : done()));
    });
  return { send, answered, end: () => sent.end(), cut: () => sent.destroy() };
}

export function uploadFile(config: Config, location: string): string {
  return join(config['storage.root'], 'uploads', sessionOf(location));
}
