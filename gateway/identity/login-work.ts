import { createHmac, randomBytes } from 'node:crypto';
import { minBcryptCost } from './bcrypt-hash.ts';
import type { PasswordStore } from './password-store.ts';

/** What a password is compared with, and up to which cost a failed comparison goes on working. */
export interface Work {
  hash: string;
  padToCost: number;
}

/**
 * Makes every failed login the same work, whoever it is for. Hashes differ in cost, so a failed comparison is padded to
 * the highest cost there is (see `password-worker.ts`). A name without a password is compared with a hash of nothing,
 * of a cost that is drawn by the name from the costs that there are: what little the padding leaves is spread over
 * both kinds of names alike, and a name that is asked about again answers as before.
 */
export class LoginWork {
  readonly #store: PasswordStore;
  readonly #configuredCost: number;
  readonly #secret: Buffer;
  readonly #dummies = new Map<number, string>();
  #version: string | undefined;
  /** A cost for each password. */
  #costs: number[] = [];
  #padToCost: number;

  constructor(store: PasswordStore, configuredCost: number) {
    this.#store = store;
    this.#configuredCost = configuredCost;
    this.#padToCost = configuredCost;
    this.#secret = store.loginSecret();
  }

  /** @param hash '' or undefined where there is none. */
  of(name: string, hash: string | undefined): Work {
    this.#refresh();
    return { hash: hash || this.#dummy(this.#drawCost(name)), padToCost: this.#padToCost };
  }

  #drawCost(name: string): number {
    const draw = createHmac('sha256', this.#secret).update(name).digest().readUIntBE(0, 6);
    return this.#costs[draw % this.#costs.length]!;
  }

  /** Well-formed and of the given cost, but the hash of nothing that anybody knows. */
  #dummy(cost: number): string {
    const known = this.#dummies.get(cost);
    if (known) return known;
    const characters = randomBytes(64).toString('base64').replace(/[+=]/g, '.');
    const made = `$2b$${String(cost).padStart(2, '0')}$${characters.slice(0, 21)}.${characters.slice(21, 52)}`;
    this.#dummies.set(cost, made);
    return made;
  }

  #refresh(): void {
    const version = this.#store.version();
    if (version === this.#version) return;
    this.#version = version;
    const found = [...this.#store.costs()].filter(([cost]) => cost >= minBcryptCost);
    this.#costs = found.flatMap(([cost, count]) => Array<number>(count).fill(cost));
    if (this.#costs.length === 0) this.#costs = [this.#configuredCost];
    this.#padToCost = Math.max(this.#configuredCost, ...found.map(([cost]) => cost));
  }
}
