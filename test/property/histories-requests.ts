import assert from 'node:assert/strict';
import { type Answer, type RequestOptions, request } from '../support/http.ts';
import { imageOf } from './histories-contents.ts';
import { type Manifest, Model } from './histories-model.ts';
import { assertSame, isSame } from './histories-snapshot.ts';
import { elsewhere } from './histories-steps.ts';
import type { World } from './histories-world.ts';

export interface Session {
  location: string;
  repository: string;
  blob: number;
  expiresAt: number;
}

/** The core died under a request; what became of it has been found out. */
export class CoreDied extends Error {}

/** Requests to the world that do to the model what they are to do; the answers have to agree. */
export class Requests {
  readonly world: World;
  model = new Model();
  /** Every manifest that a client of this history made. */
  readonly made: Manifest[] = [];
  sessions: Session[] = [];

  constructor(world: World) {
    this.world = world;
  }

  /**
   * @param apply does to the model what the request does, and says which status that has.
   * @throws CoreDied
   */
  async send(path: string, options: RequestOptions, apply: (model: Model) => number): Promise<Answer> {
    const after = this.model.copy();
    const status = apply(after);
    const headers = { ...this.world.target.headers, ...options.headers };
    const answer = await request(this.world.target, { ...options, path, headers }).catch(async (error) => {
      if (!this.world.isArmed) throw error;
      await this.#recover(after);
      throw new CoreDied();
    });
    assert.equal(answer.status, status, `${options.method ?? 'GET'} ${path}: ${answer.text}`);
    this.model = after;
    return answer;
  }

  /** After a crash the request has been done as a whole or not at all. */
  async #recover(after: Model): Promise<void> {
    await this.world.restart();
    await this.forgetDeadSessions();
    if (isSame(this.world.database, after)) this.model = after;
    else assertSame(this.world.database, this.model);
  }

  async forgetDeadSessions(): Promise<void> {
    const answers = await Promise.all(
      this.sessions.map(({ location }) => request(this.world.target, { path: location })),
    );
    this.sessions = this.sessions.filter((_, index) => answers[index]!.status === 204);
  }

  /** Of what the repository has, or was ever made; where there is nothing, an image that never was. */
  pick(repository: string, number: number): Manifest {
    const here = [...this.model.repository(repository).manifests.values()];
    const from = number < elsewhere && here.length > 0 ? here : this.made;
    return from[number % from.length] ?? imageOf(1, [2, 3]);
  }

  /** A session under way, which the caller is about to end. */
  takeSession(number: number): Session | undefined {
    const [session] = this.sessions.splice(number % Math.max(1, this.sessions.length), 1);
    return session;
  }
}
