import type { ServerResponse } from 'node:http';
import { isIndexType } from '../../oci/media-types.ts';
import type { Counters } from './counters.ts';
import { pullFields, tellPulls } from './fields.ts';
import { overRate, type Refusals } from './refuse.ts';
import type { Budget, BudgetFinder, Client } from './rules.ts';

/** A manifest that is being read. */
export interface Pull {
  /** To be called before the head of the answer goes out. @param status 0: there is none. */
  answered(status: number, mediaType: string | undefined): Promise<void>;
}

export interface PullRequest {
  client: Client;
  repository: string;
  byDigest: boolean;
  response: ServerResponse;
}

/** How long after an index one of its manifests is free. */
const childMs = 5 * 60_000;

/**
 * What counts as a pull: a manifest that was read, so an answer 200 to a GET. With each counted index comes one manifest
 * by digest, free, since that is how a client gets at an image of several platforms: what was admitted is never cut
 * half-way, and an image costs one pull whatever it is made of. Blobs are not counted at all.
 */
export class Pulls {
  readonly #counters: Counters;
  readonly #find: BudgetFinder;
  readonly #refusals: Refusals;
  readonly #tells: boolean;

  /** @param tells whether clients are told of their budget. */
  constructor(counters: Counters, find: BudgetFinder, refusals: Refusals, tells: boolean) {
    this.#counters = counters;
    this.#find = find;
    this.#refusals = refusals;
    this.#tells = tells;
  }

  /** HEAD: tells, and counts nothing. */
  async show({ client, repository, response }: PullRequest): Promise<void> {
    const budget = this.#find('pulls', client, repository);
    if (!budget || !this.#tells) return;
    tellPulls(response, budget, await this.#counters.look(budget.key, budget.limit));
  }

  /** @throws OciError TOOMANYREQUESTS */
  async admit(request: PullRequest): Promise<Pull | undefined> {
    const { client, repository, byDigest, response } = request;
    const budget = this.#find('pulls', client, repository);
    if (!budget) return undefined;
    const child = `${budget.key} ${repository}`;
    if (byDigest && (await this.#counters.redeem(child))) {
      await this.show(request);
      return {
        answered: async (status) => (status === 200 ? undefined : this.#counters.grant(child, childMs)),
      };
    }
    const count = await this.#counters.take(budget.key, budget.limit);
    const refusal = () => overRate(budget, count, pullFields(budget, count));
    this.#refusals.decide(budget, count.admitted, refusal, count.resetMs);
    if (this.#tells) tellPulls(response, budget, count);
    return {
      answered: (status, mediaType) => this.#settle(budget, child, count.admitted, status, mediaType),
    };
  }

  async #settle(
    { key }: Budget<'pulls'>,
    child: string,
    isCounted: boolean,
    status: number,
    mediaType: string | undefined,
  ): Promise<void> {
    if (status !== 200) {
      if (isCounted) this.#counters.giveBack(key);
    } else if (isIndexType(mediaType)) {
      // Waited for: the client may ask for the manifest by another worker as soon as it has the index.
      await this.#counters.grant(child, childMs);
    }
  }
}
