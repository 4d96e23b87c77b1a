import { bytesOf } from '../load/bytes.ts';
import { Client } from '../load/client.ts';
import { type Blob, blobOf, imageOf, pushBlob, pushImage } from '../load/push.ts';
import type { Server } from '../servers/server.ts';

export const kib = 1024;
export const mib = 1024 * kib;

const layers = Array.from({ length: 5 }, (_, index) => blobOf(bytesOf(`layer ${index}`, 4 * kib)));

export const small = {
  repository: 'bench/small',
  tag: 'latest',
  image: imageOf(blobOf(Buffer.from('{"architecture":"amd64","os":"linux","of":"bench"}')), layers),
};

/** What is there to be read, by its size. */
const blobs = new Map<number, Blob>();

export function blobOfSize(bytes: number): Blob {
  const blob = blobs.get(bytes) ?? blobOf(bytesOf(`blob ${bytes}`, bytes));
  blobs.set(bytes, blob);
  return blob;
}

export function blobPath(bytes: number): string {
  return `/v2/${small.repository}/blobs/${blobOfSize(bytes).digest}`;
}

const present = new WeakMap<Server, Map<string, Promise<void>>>();

/** Does it where it was not done yet. */
function once(server: Server, what: string, work: (client: Client) => Promise<void>): Promise<void> {
  const done = present.get(server) ?? new Map<string, Promise<void>>();
  present.set(server, done);
  const client = new Client(server);
  const doing = done.get(what) ?? work(client).finally(() => client.close());
  done.set(what, doing);
  return doing;
}

export function putSmallImage(server: Server, repository = small.repository): Promise<void> {
  return once(server, `image ${repository}`, (client) =>
    pushImage(client, server, repository, small.tag, small.image),
  );
}

export function putBlob(bytes: number): (server: Server) => Promise<void> {
  return (server) =>
    once(server, `blob ${bytes}`, (client) => pushBlob(client, server, small.repository, blobOfSize(bytes)));
}
