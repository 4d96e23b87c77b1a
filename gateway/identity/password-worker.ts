import { parentPort } from 'node:worker_threads';
import { compareSync, hashSync } from 'bcryptjs';

/** One comparison or one hash; hundreds of milliseconds of CPU, hence a thread. */
export type PasswordTask =
  | { kind: 'compare'; password: string; hash: string }
  | { kind: 'hash'; password: string; cost: number };

export type PasswordResult = { value: boolean | string } | { error: string };

parentPort?.on('message', (task: PasswordTask) => {
  parentPort!.postMessage(perform(task));
});

function perform(task: PasswordTask): PasswordResult {
  try {
    if (task.kind === 'hash') return { value: hashSync(task.password, task.cost) };
    return { value: compareSync(task.password, task.hash) };
  } catch (error) {
    return { error: (error as Error).message };
  }
}
