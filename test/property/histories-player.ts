import assert from 'node:assert/strict';
import { request } from '../support/http.ts';
import { digestOf } from '../support/push.ts';
import { act } from './histories-clients.ts';
import { blobDigests, blobs } from './histories-contents.ts';
import { CoreDied, Requests } from './histories-requests.ts';
import { assertSame, isSame } from './histories-snapshot.ts';
import type { ClientStep, Step } from './histories-steps.ts';
import type { World } from './histories-world.ts';

/** Plays one history on the world and on the model, and compares them after each step. */
export class Player {
  readonly #world: World;
  readonly #requests: Requests;

  constructor(world: World) {
    this.#world = world;
    this.#requests = new Requests(world);
  }

  async play(step: Step): Promise<void> {
    switch (step.do) {
      case 'age':
        this.#world.age(step.hours);
        this.#requests.model.now += step.hours;
        break;
      case 'collect':
        await this.#world.collect();
        this.#collected();
        break;
      case 'collectAmid':
        await this.#collectAmid(step);
        break;
      case 'armCore':
        await this.#world.restart(`${step.point}:${step.passage}`);
        break;
      case 'restart':
        await this.#world.restart();
        break;
      case 'killCollector':
        await this.#killCollector(`${step.point}:${step.passage}`);
        break;
      default:
        await this.#client(step);
    }
    assertSame(this.#world.database, this.#requests.model);
  }

  #collected(): void {
    this.#expired();
    this.#requests.model.collect();
  }

  #expired(): void {
    const { model, sessions } = this.#requests;
    this.#requests.sessions = sessions.filter(({ expiresAt }) => expiresAt > model.now);
  }

  async #collectAmid({ hours, moment, steps }: Step & { do: 'collectAmid' }): Promise<void> {
    await this.play({ do: 'age', hours });
    await this.#world.collect(moment, async () => {
      if (moment === 'expired') this.#expired();
      else this.#collected();
      for (const step of steps) await this.#client(step);
    });
    if (moment === 'expired') this.#requests.model.collect();
  }

  /** It may have died before mark, in the middle of it, or after it. */
  async #killCollector(fault: string): Promise<void> {
    await this.#world.collectInProcess(fault);
    await this.#requests.forgetDeadSessions();
    const { model } = this.#requests;
    if (isSame(this.#world.database, model)) return;
    const collected = model.copy();
    collected.collect();
    if (!isSame(this.#world.database, collected)) await this.#world.collect();
    this.#requests.model = collected;
  }

  async #client(step: ClientStep): Promise<void> {
    try {
      await act(this.#requests, step);
    } catch (error) {
      if (!(error instanceof CoreDied)) throw error;
    }
  }

  /** Every live image byte for byte; nothing else answers. */
  async pullAll(): Promise<void> {
    const { model, made } = this.#requests;
    for (const [name, { links, manifests, tags }] of model.repositories) {
      for (const { digest, content } of made) {
        await this.#pull(`/v2/${name}/manifests/${digest}`, manifests.has(digest) ? content : undefined);
        model.headManifest(name, digest);
      }
      for (const [tag, digest] of tags) {
        await this.#pull(`/v2/${name}/manifests/${tag}`, manifests.get(digest)!.content);
      }
      for (const [number, digest] of blobDigests.entries()) {
        await this.#pull(`/v2/${name}/blobs/${digest}`, links.has(digest) ? blobs[number] : undefined);
      }
    }
  }

  async #pull(path: string, expected: Buffer | undefined): Promise<void> {
    const answer = await request(this.#world.target, { path });
    assert.equal(answer.status, expected ? 200 : 404, `${path}: ${answer.text.slice(0, 200)}`);
    if (expected) assert.equal(digestOf(answer.body), digestOf(expected), path);
  }

  /** Takes away all that holds anything. */
  async untagAll(): Promise<void> {
    for (const [repository, { tags }] of this.#requests.model.repositories) {
      for (const tag of tags.keys()) await this.play({ do: 'deleteTag', repository, tag });
    }
  }
}
