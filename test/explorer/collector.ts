import { type Actor, ended, type Local, type Step, step } from './actor.ts';
import type { Operation } from './operations.ts';
import type { Key, Session } from './universe.ts';

/**
 * The collector: so many runs, one after the other, each of which may be killed at any step; the next one goes on.
 * The steps of a run are those of `gc/run.ts`. A weaker one condemns from a list that it made earlier.
 */
export function collector({ runs = 2, kills = 1, fromList = false } = {}): Actor {
  const steps = (local: Local): Step[] => {
    const next = runSteps(local, fromList);
    if (next.length === 0 && Number(local.run) < runs)
      return steps(startOf(Number(local.run) + 1, Number(local.kills)));
    return next;
  };
  return {
    name: 'collector',
    start: startOf(1, kills),
    steps: (local) => {
      const { run, kills: left } = local;
      const killed: Step = {
        operation: { do: 'kill collector' },
        after: () => (Number(run) < runs ? startOf(Number(run) + 1, Number(left) - 1) : ended),
      };
      const isUnderWay = local.at !== 'expire' && local.at !== 'end';
      return isUnderWay && Number(left) > 0 ? [...steps(local), killed] : steps(local);
    },
  };
}

const startOf = (run: number, kills: number): Local => ({ at: 'expire', run, kills });

/** The piles of `gc/sweep.ts`, in their order. */
const piles = ['condemned', 'upload', 'blob'] as const;

function runSteps(local: Local, fromList: boolean): Step[] {
  const { run, kills } = local;
  const base = { run: run!, kills: kills! };
  const read = (pile: number, after: string): Local =>
    pile < piles.length ? { ...base, at: 'read', pile, after } : { ...base, at: 'end' };
  switch (local.at) {
    case 'expire':
      return step({ do: 'gc.expire' }, (expired) => ({
        ...base,
        at: expired === 0 ? 'mark' : 'expire more',
      }));
    case 'expire more':
      return step({ do: 'gc.expire' }, (expired) => ({
        ...base,
        at: expired === 0 ? 'mark' : 'expire more',
      }));
    case 'mark':
      return step({ do: 'gc.mark' }, (result) => {
        if (result !== 'done') return local;
        return fromList ? { ...base, at: 'list' } : read(0, '');
      });
    case 'list':
      return step({ do: 'weak.list' }, (list) =>
        list === '' ? read(0, '') : { ...base, at: 'condemn', list },
      );
    case 'condemn':
      return step({ do: 'weak.condemn', list: String(local.list) }, () => read(0, ''));
    case 'read':
      return step(readOf(Number(local.pile), String(local.after)), (list) =>
        list === ''
          ? read(Number(local.pile) + 1, '')
          : { ...base, at: 'remove', pile: local.pile!, list, next: 0 },
      );
    case 'remove':
    case 'forget':
      return sweepSteps(local, read);
    default:
      return [];
  }
}

const readOf = (pile: number, after: string): Operation =>
  pile === 0
    ? { do: 'gc.condemned', after }
    : { do: 'gc.doomed', kind: pile === 1 ? 'upload' : 'blob', after };

function sweepSteps(local: Local, read: (pile: number, after: string) => Local): Step[] {
  const pile = Number(local.pile);
  const entries = String(local.list).split(',');
  const last = entries.at(-1)!.split(':')[0]!;
  if (local.at === 'forget') {
    const list = String(local.list);
    const operation: Operation =
      pile === 0
        ? { do: 'gc.forgetCondemned', list }
        : { do: 'gc.forgetDoomed', kind: pile === 1 ? 'upload' : 'blob', list };
    return [{ operation, after: () => read(pile, last) }];
  }
  const next = Number(local.next);
  const name = entries[next]!.split(':').at(-1)!;
  const after = (): Local => {
    if (next + 1 < entries.length) return { ...local, next: next + 1 };
    const { next: _, ...rest } = local;
    return { ...rest, at: 'forget' } as Local;
  };
  if (pile === 0) return [{ operation: { do: 'gc.remove', key: name as Key }, after }];
  if (pile === 1) return [{ operation: { do: 'upload.discard', session: name as Session }, after }];
  return [{ operation: { do: 'file.remove', key: name as Key }, after }];
}
