import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { CollectionWatch } from '../../gc/index.ts';
import { blobsOf, type Image, makeImages, repositories } from './images.ts';
import type { RegistryClient } from './registry-client.ts';

export interface SoakCounts {
  pushes: number;
  pulls: number;
  deletions: number;
  retags: number;
  /** Condemned digests that were uploaded again at once. */
  chases: number;
  /** Pushes that took longer than half a lease: nobody was promised anything for so long. */
  latePushes: number;
  refused: string[];
  broken: string[];
}

/** An image and where it stands. One client at a time has it, so what is expected is never in doubt. */
interface Slot {
  image: Image;
  isStored: boolean;
  isBusy: boolean;
  /** Left alone until then, longer than a lease for some, so that collections find something. */
  restUntil: number;
}

const imageCount = 360;
const clientCount = 6;
const chaserCount = 2;
const chaseRepository = 'selftest/chase';
/** A soak in which everything fails shall end. */
const maxFailures = 50;

/** Clients that push, pull, retag and delete the same images over and over, while collections run. */
export class Soak {
  readonly counts: SoakCounts = {
    pushes: 0,
    pulls: 0,
    deletions: 0,
    retags: 0,
    chases: 0,
    latePushes: 0,
    refused: [],
    broken: [],
  };
  readonly #client: RegistryClient;
  readonly #watch: CollectionWatch;
  readonly #leaseMs: number;
  readonly #slots: Slot[];
  readonly #blobs: ReadonlyMap<string, Buffer>;

  constructor(client: RegistryClient, watch: CollectionWatch, leaseMs: number) {
    this.#client = client;
    this.#watch = watch;
    this.#leaseMs = leaseMs;
    const images = makeImages(imageCount);
    this.#slots = images.map((image) => ({ image, isStored: false, isBusy: false, restUntil: 0 }));
    this.#blobs = blobsOf(images);
  }

  /** Connections that it uses at once. */
  static readonly connections = clientCount + chaserCount;

  async run(signal: AbortSignal): Promise<void> {
    const isOver = () =>
      signal.aborted || this.counts.refused.length + this.counts.broken.length >= maxFailures;
    await Promise.all([
      ...Array.from({ length: clientCount }, () => this.#runClient(isOver)),
      ...Array.from({ length: chaserCount }, (_, index) => this.#chase(index, isOver)),
    ]);
  }

  /** Pulls every image that is stored. */
  async pullAll(): Promise<void> {
    for (const { image, isStored } of this.#slots) if (isStored) await this.#pull(image);
  }

  async deleteAll(): Promise<void> {
    for (const slot of this.#slots) if (slot.isStored) await this.#delete(slot);
  }

  async #runClient(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const slot = this.#freeSlot();
      if (!slot) {
        await delay(5);
        continue;
      }
      slot.isBusy = true;
      try {
        await this.#work(slot);
      } finally {
        slot.isBusy = false;
      }
    }
  }

  #freeSlot(): Slot | undefined {
    const now = performance.now();
    const free = this.#slots.filter(({ isBusy, restUntil }) => !isBusy && restUntil <= now);
    return free[randomInt(Math.max(1, free.length))];
  }

  async #work(slot: Slot): Promise<void> {
    if (!slot.isStored) return this.#push(slot);
    const choice = randomInt(5);
    if (choice === 0) return this.#pull(slot.image);
    if (choice === 1) return this.#retag(slot.image);
    return this.#delete(slot);
  }

  async #push(slot: Slot): Promise<void> {
    const startedAt = performance.now();
    const isLate = () => performance.now() - startedAt > this.#leaseMs / 2;
    try {
      await this.#client.push(slot.image, repositories[randomInt(repositories.length)]!);
      slot.isStored = true;
      this.counts.pushes++;
    } catch (error) {
      if (!isLate()) return void this.counts.refused.push((error as Error).message);
      // Refused for that reason, rightly: what of it is there is taken back, and it counts as never tried.
      await this.#client.deleteManifest(slot.image).catch(() => {});
    }
    if (isLate()) this.counts.latePushes++;
  }

  async #pull(image: Image): Promise<void> {
    await this.#broken(() => this.#client.pull(image));
    this.counts.pulls++;
  }

  /** A tag that moves on leaves behind a manifest that something else has to hold, or that is to go. */
  async #retag(image: Image): Promise<void> {
    const tag = `moving-${randomInt(20)}`;
    await this.#broken(() => this.#client.putManifest(image.repository, image, tag));
    this.counts.retags++;
  }

  async #delete(slot: Slot): Promise<void> {
    await this.#broken(() => this.#client.deleteManifest(slot.image));
    slot.isStored = false;
    // Half of them come back before their leases are over, half after.
    slot.restUntil = performance.now() + randomInt(2 * this.#leaseMs);
    this.counts.deletions++;
  }

  async #broken(work: () => Promise<void>): Promise<void> {
    await work().catch((error: Error) => this.counts.broken.push(error.message));
  }

  /** Uploads again, at once, what a collection is just removing, and pulls it: the narrowest race there is. */
  async #chase(turn: number, isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const condemned = await this.#watch.condemned();
      const digest = condemned.filter((found) => this.#blobs.has(found))[turn];
      if (digest === undefined) {
        await delay(2);
        continue;
      }
      try {
        await this.#client.upload(chaseRepository, digest, this.#blobs.get(digest)!);
      } catch (error) {
        this.counts.refused.push((error as Error).message);
        continue;
      }
      await this.#broken(() => this.#client.pullExactly(`${chaseRepository}/blobs/${digest}`, digest));
      this.counts.chases++;
    }
  }
}
