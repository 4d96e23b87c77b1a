import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from './random.ts';
import { GivenUp, RandomClient } from './random-client.ts';
import { openGate, openStage, type Stage } from './stage.ts';
import { assertReadable, assertSettled } from './truth.ts';
import { type Gate, type Task, Turns } from './turns.ts';

/**
 * Long random schedules over the product's own code: three clients over HTTP, the core's handlers, its writer thread,
 * whole collections, kills of either, time. `EXPLORER_SCHEDULES=1000` tries more, `EXPLORER_SEED=7` that one alone.
 */
const { EXPLORER_SEED: seed, EXPLORER_SCHEDULES: count = '8' } = process.env;
const first = seed === undefined ? 1 : Number(seed);
const last = seed === undefined ? Number(count) : first;
const maxSteps = 1000;

test(`random schedules of three clients and the collector, ${maxSteps} steps each`, async (t) => {
  const seen = { steps: 0, ticks: 0, kills: 0, collections: 0, swept: 0 };
  for (let number = first; number <= last; number++) {
    await t.test(`schedule ${number}`, async (inner) => {
      const schedule = new Schedule(await openStage(inner), number);
      await schedule.run().catch((error) => {
        for (const line of schedule.turns.history) inner.diagnostic(line);
        throw error;
      });
      for (const name of Object.keys(seen) as (keyof typeof seen)[]) seen[name] += schedule.seen[name];
    });
  }
  t.diagnostic(JSON.stringify(seen));
  const isTame = Object.values(seen).some((value) => value === 0);
  assert.ok(!isTame, 'too tame to show anything');
});

for (const [rule, sql] of Object.entries({
  'links have leases': `UPDATE links SET lease_until = 0`,
  'a link is held by its manifests': `DELETE FROM manifest_blobs`,
})) {
  test(`random schedules notice when it is not so: ${rule}`, async (t) => {
    const failures: unknown[] = [];
    for (let number = 1; number <= 20 && failures.length === 0; number++) {
      await t.test(`schedule ${number}`, async (inner) => {
        const stage = await openStage(inner, (database) => database.exec(sql));
        await new Schedule(stage, number).run().catch((error) => failures.push(error));
      });
    }
    assert.ok(failures[0] instanceof assert.AssertionError, String(failures[0]));
    t.diagnostic(String(failures[0]).split('\n')[0]!);
  });
}

class Schedule {
  readonly turns = new Turns();
  readonly seen = { steps: 0, ticks: 0, kills: 0, collections: 0, swept: 0 };
  readonly #stage: Stage;
  readonly #random: Random;

  constructor(stage: Stage, seed: number) {
    this.#stage = stage;
    this.#random = new Random(seed);
  }

  async run(): Promise<void> {
    await this.#startClients();
    for (; this.seen.steps < maxSteps; this.seen.steps++) {
      if (!this.#named('collector')) await this.#startCollection();
      if (!this.#named('settler')) await this.turns.start('settler', (gate) => this.#stage.settle(gate));
      await this.#step();
      await assertReadable(this.#stage);
    }
    await this.#settle();
  }

  async #step(): Promise<void> {
    const chance = this.#random.next();
    if (chance < 0.03) {
      // One is within what was promised; of two nothing is left.
      for (let left = this.#random.pick([1, 1, 2]); left > 0; left--) this.#tick();
    } else if (chance < 0.04) {
      this.turns.drop(this.#named('collector')!);
      this.seen.kills++;
    } else if (chance < 0.045) {
      await this.#killCore();
    } else {
      await this.turns.step(this.#random.pick(this.turns.tasks));
    }
  }

  #tick(): void {
    this.turns.history.push('half a lease passes');
    this.#stage.tick();
    this.seen.ticks++;
  }

  #named(name: string): Task | undefined {
    return this.turns.tasks.find((task) => task.name === name);
  }

  async #startCollection(): Promise<void> {
    this.seen.collections++;
    await this.turns.start('collector', async (gate) => {
      this.seen.swept += (await this.#stage.collect(gate)).blobs_swept;
    });
  }

  async #startClients(): Promise<void> {
    for (const name of ['first', 'second', 'third']) {
      await this.turns.start(name, (gate) => this.#client(gate));
    }
  }

  /** Goes on for ever, or until its core dies. */
  async #client(gate: Gate): Promise<void> {
    const core = await this.#stage.serve(gate);
    const client = new RandomClient({
      core,
      stage: this.#stage,
      truth: this.#stage.truth,
      random: this.#random,
      gate,
    });
    for (;;) {
      await client.act().catch((error) => {
        if (!(error instanceof GivenUp)) throw error;
      });
    }
  }

  /** All requests end where they are; a new core finishes what it finds before anybody is served. */
  async #killCore(): Promise<void> {
    this.seen.kills++;
    for (const task of [...this.turns.tasks]) if (task.name !== 'collector') this.turns.drop(task);
    this.#stage.killServers();
    const recovery = await this.turns.start('core', (gate) => this.#stage.recover(gate));
    while (!recovery.hasEnded) {
      if (!this.#named('collector')) await this.#startCollection();
      await this.turns.step(this.#random.pick(this.turns.tasks));
    }
    await this.#startClients();
  }

  async #settle(): Promise<void> {
    for (const task of [...this.turns.tasks]) this.turns.drop(task);
    this.#stage.killServers();
    await this.#stage.recover(openGate);
    await this.#stage.settle(openGate);
    for (let run = 0; run < 3; run++) {
      await this.#stage.collect(openGate);
      await assertReadable(this.#stage);
      this.#stage.tick();
      this.#stage.tick();
    }
    await assertSettled(this.#stage);
  }
}
