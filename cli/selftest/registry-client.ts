import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { buffer } from 'node:stream/consumers';
import { type Blob, digestOf, type Image, type Part, partsOf } from './images.ts';

export interface RegistryAddress {
  port: number;
  /** PEM. */
  ca: string;
  user: string;
  password: string;
}

/** An answer that a client of the registry could not work with. */
class UnexpectedAnswer extends Error {
  constructor(what: string, status: number, body: Buffer) {
    super(`${what}: ${status} ${body.toString().slice(0, 300)}`);
    this.name = 'UnexpectedAnswer';
  }
}

/** Pushes and pulls as the common clients do: what is there is skipped, what another repository has is mounted. */
export class RegistryClient {
  readonly #address: RegistryAddress;
  readonly #agent: Agent;
  /** Answers so far that a client asked for, each an event of the soak. */
  events = 0;
  /** Blobs that were uploaded, as against skipped or mounted. */
  uploads = 0;

  constructor(address: RegistryAddress, connections: number) {
    this.#address = address;
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  close(): void {
    this.#agent.destroy();
  }

  async push(image: Image, mountFrom: string): Promise<void> {
    for (const child of image.children) {
      if (await this.exists(`${image.repository}/manifests/${child.digest}`)) continue;
      await this.#pushPart(image.repository, child, child.digest, mountFrom);
    }
    await this.#pushPart(image.repository, image, image.tag, mountFrom);
    for (const referrer of image.referrers) {
      await this.#pushPart(image.repository, referrer, referrer.digest, mountFrom);
    }
  }

  async #pushPart(repository: string, part: Part, reference: string, mountFrom: string): Promise<void> {
    for (const blob of part.blobs) {
      if (await this.exists(`${repository}/blobs/${blob.digest}`)) continue;
      await this.#mountOrUpload(repository, blob, mountFrom);
    }
    await this.putManifest(repository, part, reference);
  }

  async exists(path: string): Promise<boolean> {
    const { status, body } = await this.#ask('HEAD', path);
    if (status !== 200 && status !== 404) throw new UnexpectedAnswer(`HEAD ${path}`, status, body);
    return status === 200;
  }

  async #mountOrUpload(repository: string, { digest, bytes }: Blob, from: string): Promise<void> {
    const opened = await this.#ask('POST', `${repository}/blobs/uploads/?mount=${digest}&from=${from}`);
    if (opened.status === 201) return;
    if (opened.status !== 202) throw new UnexpectedAnswer(`mounting ${digest}`, opened.status, opened.body);
    const path = `${opened.location.replace(/^\/v2\//, '')}?digest=${digest}`;
    await this.#expect(201, 'PUT', path, bytes);
    this.uploads++;
  }

  /** In one request, the fastest way there is. */
  async upload(repository: string, digest: string, bytes: Buffer): Promise<void> {
    await this.#expect(201, 'POST', `${repository}/blobs/uploads/?digest=${digest}`, bytes);
    this.uploads++;
  }

  async putManifest(repository: string, { manifest, mediaType }: Part, reference: string): Promise<void> {
    await this.#expect(201, 'PUT', `${repository}/manifests/${reference}`, manifest, mediaType);
  }

  async deleteManifest({ repository, digest }: Image): Promise<void> {
    await this.#expect(202, 'DELETE', `${repository}/manifests/${digest}`);
  }

  async deleteTag(repository: string, tag: string): Promise<void> {
    await this.#expect(202, 'DELETE', `${repository}/manifests/${tag}`);
  }

  /** Pulls all that belongs to an image and compares every digest, and the list of its signatures. */
  async pull(image: Image): Promise<void> {
    const { repository, digest, referrers } = image;
    for (const part of partsOf(image)) {
      await this.pullExactly(`${repository}/manifests/${part.digest}`, part.digest);
      for (const blob of part.blobs)
        await this.pullExactly(`${repository}/blobs/${blob.digest}`, blob.digest);
    }
    if (referrers.length === 0) return;
    const list = JSON.parse((await this.#expect(200, 'GET', `${repository}/referrers/${digest}`)).toString());
    const listed = new Set(list.manifests.map((entry: { digest: string }) => entry.digest));
    const lost = referrers.find((referrer) => !listed.has(referrer.digest));
    if (lost) throw new Error(`${lost.digest} is not among the referrers of ${digest}`);
  }

  async pullExactly(path: string, digest: string): Promise<void> {
    const bytes = await this.#expect(200, 'GET', path);
    if (digestOf(bytes) !== digest) throw new Error(`${path} has other bytes`);
  }

  async #expect(
    status: number,
    method: string,
    path: string,
    body?: Buffer,
    mediaType?: string,
  ): Promise<Buffer> {
    const answer = await this.#ask(method, path, body, mediaType);
    if (answer.status !== status) throw new UnexpectedAnswer(`${method} ${path}`, answer.status, answer.body);
    return answer.body;
  }

  /** @param path below /v2/. */
  async #ask(method: string, path: string, body?: Buffer, mediaType = 'application/octet-stream') {
    const { port, ca, user, password } = this.#address;
    const sent = request({
      host: 'localhost',
      port,
      ca,
      agent: this.#agent,
      method,
      path: `/v2/${path}`,
      auth: `${user}:${password}`,
      headers: body ? { 'content-type': mediaType, 'content-length': body.length } : {},
    });
    sent.end(body);
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    const received = await buffer(response);
    this.events++;
    return { status: response.statusCode!, location: response.headers.location ?? '', body: received };
  }
}
