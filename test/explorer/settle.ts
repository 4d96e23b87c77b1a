import type { Actor, Local } from './actor.ts';
import { Violation } from './actor.ts';
import { collector } from './collector.ts';
import { core } from './core.ts';
import { blobFact, type Facts, factsOf, reachable } from './facts.ts';
import type { Space } from './space.ts';
import { repositories } from './universe.ts';

/**
 * What would be left if everything were killed now: the core starts again, one run follows, and nothing may be
 * unfinished. Then every lease ends, and two runs later only what tags keep may be there.
 */
export class Settling {
  readonly #space: Space;
  readonly #runs = new Map<number, number>();
  readonly #settled = new Map<number, string | undefined>();

  constructor(space: Space) {
    this.#space = space;
  }

  async fault(state: number): Promise<string | undefined> {
    const recovered = await this.#play(core({ kills: 0 }), { at: 'start', kills: 0 }, state);
    const first = await this.#run(recovered);
    if (this.#settled.has(first)) return this.#settled.get(first);
    const fault = unfinished(factsOf(this.#space.text(first))) ?? (await this.#leftOver(first));
    this.#settled.set(first, fault);
    return fault;
  }

  /** An upload's file that no row names: of a session that ended before its file was there, and nobody removed it. */
  unnamedUpload(state: number): string | undefined {
    const facts = factsOf(this.#space.text(state));
    const lost = [...facts.keys()].find((name) => {
      const [kind, session] = name.split(' ');
      return kind === 'upload' && !facts.has(`session ${session}`) && !facts.has(`doomed upload ${session}`);
    });
    return lost && `nothing names the file of ${lost}`;
  }

  async #leftOver(state: number): Promise<string | undefined> {
    let current = state;
    for (const operation of [{ do: 'tick' }, { do: 'tick' }] as const) {
      current = (await this.#space.apply(current, operation)).next;
    }
    current = await this.#run(await this.#run(current));
    return superfluous(factsOf(this.#space.text(current)));
  }

  async #run(state: number): Promise<number> {
    const known = this.#runs.get(state);
    if (known !== undefined) return known;
    const run = collector({ runs: 1, kills: 0 });
    const next = await this.#play(run, run.start, state);
    this.#runs.set(state, next);
    return next;
  }

  async #play(actor: Actor, start: Local, state: number): Promise<number> {
    let current = state;
    let local = start;
    for (let count = 0; ; count++) {
      const [step] = actor.steps(local);
      if (!step) return current;
      if (count > 1000) throw new Error(`${actor.name} does not come to an end`);
      const { next, result } = await this.#space.apply(current, step.operation);
      const after = step.after(result);
      if (after instanceof Violation) throw new Error(after.message);
      current = next;
      local = after;
    }
  }
}

/** What no run may leave behind. */
function unfinished(facts: Facts): string | undefined {
  const named = new Set<string>();
  for (const [name, value] of facts) {
    if (name.startsWith('doomed ')) return `a run left ${name}`;
    if (name.startsWith('blob ')) named.add(String(value).split(' ')[1]!);
    if (String(value).startsWith('condemned ')) return `a run left ${name} condemned`;
    if (name.startsWith('session ') && value !== 'open') named.add(String(value).split(' ')[1]!);
  }
  for (const name of facts.keys()) {
    if (name.startsWith('file ') && !named.has(name.slice('file '.length))) return `nothing names ${name}`;
  }
  return undefined;
}

/** What is there although nothing reaches it and every lease is over. */
function superfluous(facts: Facts): string | undefined {
  const kept = new Set<string>();
  for (const repository of repositories) {
    const { manifests, blobs } = reachable(facts, repository);
    for (const name of manifests) kept.add(`manifest ${repository} ${name}`);
    for (const name of blobs) {
      kept.add(`link ${repository} ${name}`).add(`blob ${name}`);
      kept.add(`file ${blobFact(facts, name)?.key}`);
    }
  }
  for (const name of facts.keys()) {
    const isUnnamedUpload = name.startsWith('upload ');
    if (!kept.has(name) && !name.startsWith('tag ') && !isUnnamedUpload) return `${name} is never collected`;
  }
  return undefined;
}
