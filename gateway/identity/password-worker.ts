import { parentPort } from 'node:worker_threads';
import { compareSync, hashSync } from 'bcryptjs';

/** One comparison or one hash; hundreds of milliseconds of CPU, hence a thread. */
export type PasswordTask =
  | {
      kind: 'compare';
      password: string;
      hash: string;
      /** A comparison that fails goes on working until it has cost as much as this. */
      padToCost: number;
      /** It fails, whatever comes out: a disabled user's. */
      isRefused: boolean;
    }
  | { kind: 'hash'; password: string; cost: number };

export type PasswordResult = { value: boolean | string } | { error: string };

const anySalt = 'C6UzMDM.H6dfI/f/IKcEeO';

parentPort?.on('message', (task: PasswordTask) => {
  parentPort!.postMessage(perform(task));
});

function perform(task: PasswordTask): PasswordResult {
  try {
    if (task.kind === 'hash') return { value: hashSync(task.password, task.cost) };
    const matches = compareSync(task.password, task.hash);
    if (!matches || task.isRefused) pad(task.password, Number(task.hash.slice(4, 6)), task.padToCost);
    return { value: matches };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

/** 2^c rounds are done; 2^c + 2^(c+1) + … + 2^(p-1) more make 2^p, whatever c was. */
function pad(password: string, doneCost: number, padToCost: number): void {
  for (let cost = doneCost; cost < padToCost; cost++) {
    hashSync(password, `$2b$${String(cost).padStart(2, '0')}$${anySalt}`);
  }
}
