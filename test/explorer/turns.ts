/** Somebody whose calls into the stores are let through one by one. */
export interface Task {
  readonly name: string;
  /** The calls that wait, and what they are. */
  readonly waiting: { label: string; go(): void }[];
  hasEnded: boolean;
}

interface Running extends Task {
  /** Called when a call waits or the task has ended. */
  rest(): void;
}

/**
 * Runs the product's own code, several tasks at once, of which only one moves at a time: each stops before every call
 * into a store until it is let through. In which order is the caller's choice, so that every race can be had at will.
 */
export class Turns {
  readonly tasks: Task[] = [];
  readonly history: string[] = [];
  #failure: Error | undefined;

  /** Starts a task, which goes as far as its first call. @param work is given what stops at each call. */
  async start(name: string, work: (gate: Gate) => Promise<void>): Promise<Task> {
    const task: Running = { name, waiting: [], hasEnded: false, rest() {} };
    const resting = new Promise<void>((resolve) => {
      task.rest = resolve;
    });
    this.tasks.push(task);
    const call = <Result>(label: string, run: () => Promise<Result>) =>
      new Promise<Result>((resolve, reject) => {
        task.waiting.push({ label, go: () => run().then(resolve, reject) });
        task.rest();
      });
    work({ call, stop: (target, methods) => stopAt(target, methods, call) })
      .catch((error) => {
        // One that was dropped hears of its end in odd ways.
        if (this.tasks.includes(task)) this.#failure ??= error;
      })
      .finally(() => {
        task.hasEnded = true;
        this.#remove(task);
        task.rest();
      });
    await resting;
    this.#check();
    return task;
  }

  /** Lets one call of a task through, and waits until the task stops again. */
  async step(task: Task): Promise<void> {
    const next = task.waiting.shift()!;
    this.history.push(`${task.name}: ${next.label}`);
    const resting = new Promise<void>((resolve) => {
      (task as Running).rest = resolve;
    });
    next.go();
    if (task.waiting.length === 0) await resting;
    this.#check();
  }

  /** Kills it where it stands: the calls that wait are never made. */
  drop(task: Task): void {
    this.history.push(`${task.name}: killed`);
    this.#remove(task);
  }

  async finish(task: Task): Promise<void> {
    while (!task.hasEnded) await this.step(task);
  }

  #remove(task: Task): void {
    const index = this.tasks.indexOf(task);
    if (index >= 0) this.tasks.splice(index, 1);
  }

  #check(): void {
    if (this.#failure) throw this.#failure;
  }
}

export interface Gate {
  /** Something of the task's own that is to wait for its turn. */
  call<Result>(label: string, run: () => Promise<Result>): Promise<Result>;
  /** The same object, whose methods of these names wait for their turn. */
  stop<Target extends object>(target: Target, methods: readonly (keyof Target & string)[]): Target;
}

function stopAt<Target extends object>(
  target: Target,
  methods: readonly (keyof Target & string)[],
  call: Gate['call'],
): Target {
  return new Proxy(target, {
    get(_, name) {
      const value = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      if (!(methods as readonly PropertyKey[]).includes(name)) return value.bind(target);
      return (...parameters: unknown[]) => call(String(name), async () => value.apply(target, parameters));
    },
  });
}
