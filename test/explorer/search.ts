import { type Actor, Violation } from './actor.ts';
import { type NumberedStep, Player } from './cast.ts';
import type { Found } from './explore.ts';
import { broken, factsOf } from './facts.ts';
import { describe, type Operation } from './operations.ts';
import { Rows } from './rows.ts';
import { Settling } from './settle.ts';
import { nextOf, resultOf, type Space } from './space.ts';

/** The states of a scene, numbered in the order in which they were reached, and the ways to them. */
export class Search {
  readonly space: Space;
  readonly rows: Rows;
  transitions = 0;
  readonly #players: Player[];
  readonly #core: number;
  readonly #settling: Settling;
  /** For each row the one from which it was reached first. */
  readonly #cameFrom: number[] = [0];
  readonly #checked = new Set<number>();
  /** The first row after each operation with each result, and rows of ends. */
  readonly #firsts = new Map<number, number>();
  readonly #ends: number[] = [];

  constructor(space: Space, actors: Actor[]) {
    this.space = space;
    this.#players = actors.map((actor) => new Player(actor, space));
    this.#core = actors.findIndex(({ name }) => name === 'core');
    this.#settling = new Settling(space);
    this.rows = new Rows(1 + actors.length);
  }

  async run(maxStates: number): Promise<Found | undefined> {
    this.rows.add(Int32Array.from([this.space.start, ...this.#players.map((player) => player.start)]));
    const row = new Int32Array(this.rows.width);
    for (let current = 0; current < this.rows.count; current++) {
      if (this.rows.count > maxStates) throw new Error(`more than ${maxStates} states`);
      const moves = this.moves(current);
      for (const move of moves) {
        const before = this.rows.get(current, 0);
        const { operation } = move.step;
        const packed = this.space.known(before, operation) ?? (await this.space.carryOut(before, operation));
        const violation = this.#take(current, move, packed, row);
        this.transitions++;
        if (!violation && this.rows.add(row)) this.#remember(current, move, packed);
        const fault =
          violation?.message ?? (this.#checked.has(row[0]!) ? undefined : await this.#fault(row[0]!));
        if (fault) return { message: fault, trace: [...this.traceTo(current), this.#line(move, packed)] };
      }
      if (moves.length > 0) continue;
      this.#ends.push(current);
      const fault = this.#settling.unnamedUpload(this.rows.get(current, 0));
      if (fault) return { message: fault, trace: this.traceTo(current) };
    }
    return undefined;
  }

  #remember(from: number, { step }: Move, packed: number): void {
    this.#cameFrom.push(from);
    const key = step.operation * 256 + resultOf(packed);
    if (!this.#firsts.has(key)) this.#firsts.set(key, this.rows.count - 1);
  }

  samples(): Operation[][] {
    const every = Math.max(1, Math.floor(this.#ends.length / longSamples));
    const ends = this.#ends.filter((_, index) => index % every === 0);
    return [...this.#firsts.values(), ...ends].map((row) =>
      this.#movesTo(row).map(({ move }) => this.space.operation(move.step.operation)),
    );
  }

  async #fault(state: number): Promise<string | undefined> {
    this.#checked.add(state);
    const fault = broken(factsOf(this.space.text(state)));
    if (fault) return fault;
    return this.#settling.fault(state).catch((error) => {
      // The database refuses what would make it inconsistent.
      if (!String(error.code).startsWith('SQLITE_CONSTRAINT')) throw error;
      return `the next run fails: ${error.message}`;
    });
  }

  /** Who may do what next. A core that starts again answers no requests until it has recovered. */
  moves(current: number): Move[] {
    const moves: Move[] = [];
    const isUp =
      this.#core < 0 || this.#players[this.#core]!.local(this.#local(current, this.#core)).at === 'up';
    for (const [index, player] of this.#players.entries()) {
      if (!isUp && player.needsCore(this.#local(current, index))) continue;
      if (index === this.#core && isUp && !this.#isWorthKilling(current)) continue;
      for (const step of player.steps(this.#local(current, index))) moves.push({ index, step });
    }
    return moves;
  }

  #local(row: number, index: number): number {
    return this.rows.get(row, 1 + index);
  }

  /**
   * To kill a core that does nothing changes nothing. And a request that stood still for longer than its session
   * lives, and now makes the file of it, looks at the session again: that it is killed as well, in that very moment,
   * is left out.
   */
  #isWorthKilling(current: number): boolean {
    const isBusy = this.#players.some((player, index) => player.isInRequest(this.#local(current, index)));
    if (!isBusy) return false;
    return !this.#players.some((player, index) => {
      const { at, session } = player.local(this.#local(current, index));
      if (at === 'discard') return true;
      return at === 'check' && !this.space.text(this.rows.get(current, 0)).includes(`session ${session} = `);
    });
  }

  /** Works out the row that a step leads to. @returns the violation when there is one, and the step's outcome. */
  #take(current: number, { index, step }: Move, packed: number, row: Int32Array): Violation | undefined {
    const result = resultOf(packed);
    const after = step.after(result);
    row[0] = nextOf(packed);
    for (let other = 0; other < this.#players.length; other++) {
      const local = this.#local(current, other);
      row[1 + other] = step.isNoticed ? this.#players[other]!.observe(local, step.operation, result) : local;
    }
    if (after instanceof Violation) return after;
    // The actor's own step counts; what it would notice of itself does not.
    row[1 + index] = after;
    return undefined;
  }

  #line({ index, step }: Move, packed: number): string {
    const result = this.space.result(resultOf(packed));
    return `${this.#players[index]!.actor.name}: ${describe(this.space.operation(step.operation))} → ${result === '' ? 'nothing' : result}`;
  }

  traceTo(row: number): string[] {
    return this.#movesTo(row).map(({ move, packed }) => this.#line(move, packed));
  }

  #movesTo(row: number): { move: Move; packed: number }[] {
    const found: { move: Move; packed: number }[] = [];
    for (let current = row; current > 0; current = this.#cameFrom[current]!) {
      found.unshift(this.#moveBetween(this.#cameFrom[current]!, current));
    }
    return found;
  }

  #moveBetween(from: number, to: number): { move: Move; packed: number } {
    const row = new Int32Array(this.rows.width);
    for (const move of this.moves(from)) {
      const packed = this.space.known(this.rows.get(from, 0), move.step.operation);
      if (packed === undefined || this.#take(from, move, packed, row)) continue;
      if (row.every((value, column) => value === this.rows.get(to, column))) return { move, packed };
    }
    throw new Error('a state without a way to it');
  }
}

const longSamples = 200;

interface Move {
  /** The actor's place in the scene. */
  index: number;
  step: NumberedStep;
}
