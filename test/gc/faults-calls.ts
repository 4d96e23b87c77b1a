import fs, { type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { onEnd, type Scope } from '../support/scope.ts';

export type CallName = 'open' | 'stat' | 'unlink' | 'rename' | 'mkdir' | 'sync' | 'close';

export interface PassedCall {
  call: CallName;
  path: string;
}

export interface FailingCalls {
  /** Lets a call fail where its path matches; `after` it was done, when the harm is in what is not known. */
  fail(call: CallName, code: string, path: RegExp, when?: 'before' | 'after'): void;
  /** All works again. */
  heal(): void;
  /** What went to the system since the last time this was asked, in order. */
  passed(): PassedCall[];
}

/** System calls of `node:fs/promises` that fail in this process, under everything real: a disk that goes bad. */
export function failingCalls(scope: Scope): FailingCalls {
  let faults: { call: CallName; code: string; path: RegExp; when: 'before' | 'after' }[] = [];
  let passed: PassedCall[] = [];
  const through = async <Result>(
    call: CallName,
    path: string,
    work: () => Promise<Result>,
  ): Promise<Result> => {
    const fault = faults.find((entry) => entry.call === call && entry.path.test(path));
    const error = Object.assign(new Error(`${fault?.code}: ${call} '${path}'`), { code: fault?.code, path });
    if (fault?.when === 'before') throw error;
    passed.push({ call, path });
    const result = await work();
    if (fault) throw error;
    return result;
  };
  onEnd(scope, replaceFunctions(through));
  return {
    fail: (call, code, path, when = 'before') => void faults.push({ call, code, path, when }),
    heal() {
      faults = [];
    },
    passed() {
      const calls = passed;
      passed = [];
      return calls;
    },
  };
}

type Through = <Result>(call: CallName, path: string, work: () => Promise<Result>) => Promise<Result>;

function replaceFunctions(through: Through): () => void {
  // biome-ignore lint/suspicious/noExplicitAny: functions of many shapes are handed on as they are
  const functions = fs as unknown as Record<string, (...parameters: any[]) => Promise<any>>;
  const originals = (['open', 'stat', 'unlink', 'rename', 'mkdir'] as const).map((call) => {
    const original = functions[call]!;
    functions[call] = async (path: string, ...rest: unknown[]) => {
      const result = await through(call, path, () => original(path, ...rest));
      return call === 'open' ? watched(result, path, through) : result;
    };
    return { call, original };
  });
  syncBuiltinESMExports();
  return () => {
    for (const { call, original } of originals) functions[call] = original;
    syncBuiltinESMExports();
  };
}

/** Of the methods of an open file those that a full or broken disk may refuse. */
function watched(handle: FileHandle, path: string, through: Through): FileHandle {
  const { sync, close } = handle;
  return Object.assign(handle, {
    sync: () => through('sync', path, () => sync.call(handle)),
    close: () => through('close', path, () => close.call(handle)),
  });
}
