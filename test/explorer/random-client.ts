import assert from 'node:assert/strict';
import { internalHeaders, sendfileType } from '../../runtime/request-context.ts';
import { type Answer, request, type Target } from '../support/http.ts';
import { withParameter } from '../support/push.ts';
import type { Random } from './random.ts';
import { readAsGateway } from './read-as-gateway.ts';
import type { Stage } from './stage.ts';
import { partsOf, type Truth } from './truth.ts';
import type { Gate } from './turns.ts';
import { type Blob, blobs, contents, type Manifest, manifests } from './universe.ts';

type Moment = ReturnType<Truth['now']>;

/** A client that does one thing after the other, over HTTP, as the real ones do: HEAD first, skip what exists. */
export class RandomClient {
  readonly #core: Target;
  readonly #stage: Stage;
  readonly #truth: Truth;
  readonly #random: Random;
  readonly #gate: Gate;

  constructor(parts: { core: Target; stage: Stage; truth: Truth; random: Random; gate: Gate }) {
    this.#core = parts.core;
    this.#stage = parts.stage;
    this.#truth = parts.truth;
    this.#random = parts.random;
    this.#gate = parts.gate;
  }

  async act(): Promise<void> {
    const repository = this.#random.pick(['a', 'b']);
    const tag = this.#random.pick(['one', 'two']);
    switch (this.#random.pick(acts)) {
      case 'push':
        await this.#push(repository, this.#random.pick(['c', 'm', 'i0', 'i1']), tag);
        break;
      case 'sign':
        await this.#push(repository, 'r', undefined);
        break;
      case 'untag':
        await this.#send('DELETE', `${repository}/manifests/${tag}`);
        break;
      case 'delete':
        await this.#delete(repository, this.#random.pick(all));
        break;
      case 'clear':
        // Indexes first: what they list is refused.
        for (const manifest of all.toReversed()) await this.#delete(repository, manifest);
        break;
      default:
        await this.#pull(repository, tag);
    }
  }

  #send(
    method: string,
    path: string,
    more: { body?: Buffer; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    return request(this.#core, { method, path: `/v2/${path}`, ...more });
  }

  async #delete(repository: string, manifest: Manifest): Promise<void> {
    await this.#send('DELETE', `${repository}/manifests/${manifests[manifest].digest}`);
  }

  /** Promises count from before the request that brought them was sent: at worst they are made then. */
  async #push(repository: string, manifest: Manifest, tag: string | undefined): Promise<Moment> {
    const promises: Moment[] = [];
    for (const blob of contents[manifest].blobs) promises.push(await this.#have(repository, blob));
    for (const child of contents[manifest].children) {
      const moment = this.#truth.now();
      const head = await this.#send('HEAD', `${repository}/manifests/${manifests[child].digest}`);
      promises.push(moment);
      if (head.status === 200) continue;
      promises.pop();
      promises.push(await this.#push(repository, child, undefined));
    }
    const { content, digest, manifest: parsed } = manifests[manifest];
    const headers = { 'content-type': parsed.mediaType };
    const moment = this.#truth.now();
    const answer = await this.#send('PUT', `${repository}/manifests/${tag ?? digest}`, {
      body: content,
      headers,
    });
    if (answer.status === 201) return moment;
    assert.equal(answer.json.errors[0].code, 'MANIFEST_BLOB_UNKNOWN');
    const parts = contents[manifest].children;
    const held = promises.every((moment) => this.#truth.holds(moment, repository, parts));
    assert.ok(!held, `${manifest} was refused in ${repository} although what it names was promised`);
    throw new GivenUp();
  }

  async #have(repository: string, blob: Blob): Promise<Moment> {
    const { digest, bytes } = blobs[blob];
    const moment = this.#truth.now();
    if ((await this.#send('HEAD', `${repository}/blobs/${digest}`)).status === 200) return moment;
    const other = repository === 'a' ? 'b' : 'a';
    const mount = this.#random.pick(['', `?mount=${digest}&from=${other}`]);
    const before = this.#truth.now();
    const opened = await this.#send('POST', `${repository}/blobs/uploads/${mount}`);
    if (opened.status === 201) return before;
    if (opened.status !== 202) return this.#giveUp(before, opened);
    const path = withParameter(opened.headers.location!, 'digest', digest).replace('/v2/', '');
    const last = this.#truth.now();
    const stored = await this.#send('PUT', path, { body: bytes });
    return stored.status === 201 ? last : this.#giveUp(before, stored);
  }

  /** A session lives for a lease. */
  #giveUp(opened: Moment, { text }: Answer): never {
    assert.ok(!this.#truth.holds(opened, '', []), `an upload was refused: ${text}`);
    throw new GivenUp();
  }

  async #pull(repository: string, tag: string): Promise<void> {
    const moment = this.#truth.now();
    const answer = await this.#send('GET', `${repository}/manifests/${tag}`);
    if (answer.status === 404) return;
    assert.equal(answer.status, 200, answer.text);
    const found = all.find((name) => manifests[name].digest === answer.headers['docker-content-digest'])!;
    assert.deepEqual(answer.body, manifests[found].content);
    const parts = partsOf(found);
    for (const blob of parts.blobs) {
      if (await this.#pullBlob(repository, blob)) continue;
      assert.ok(
        !this.#truth.holds(moment, repository, parts.manifests),
        `the pull of ${repository}:${tag} broke`,
      );
    }
  }

  /** As the gateway does it: the core names a file; where it is gone, once more. */
  async #pullBlob(repository: string, blob: Blob): Promise<boolean> {
    const { digest, bytes } = blobs[blob];
    const headers = { [internalHeaders.sendfile]: sendfileType };
    for (let attempt = 1; attempt <= 2; attempt++) {
      const answer = await this.#send('GET', `${repository}/blobs/${digest}`, { headers });
      if (answer.status === 404) return false;
      const path = String(answer.headers[internalHeaders.accel]);
      const read = await this.#gate.call('open file', () =>
        readAsGateway(this.#stage.config['storage.root'], path, bytes.length),
      );
      if (!read) continue;
      assert.deepEqual(read, bytes);
      return true;
    }
    return false;
  }
}

/** A client whose upload session is gone; what it was told still holds. */
export class GivenUp extends Error {}

const all = Object.keys(contents) as Manifest[];
const acts = ['push', 'push', 'sign', 'untag', 'delete', 'clear', 'clear', 'pull'] as const;
