import { type Actor, ended, step, Violation } from './actor.ts';
import type { Operation } from './operations.ts';
import type { Key } from './universe.ts';

/** Deletes the old index; then perhaps its child, and then the blob. What is still held is refused. */
export function deleter(): Actor {
  const orders: Operation[] = [
    { do: 'manifest.delete', repository: 'a', manifest: 'i0' },
    { do: 'manifest.delete', repository: 'a', manifest: 'c' },
    { do: 'blob.delete', repository: 'a', blob: 'x' },
  ];
  return {
    name: 'deleter',
    start: { at: 'delete', next: 0 },
    needsCore: () => true,
    steps: ({ next }) => {
      const operation = orders[Number(next)];
      return operation ? [{ operation, after: () => ({ at: 'delete', next: Number(next) + 1 }) }] : [];
    },
  };
}

/** A pull by X-Accel: the core names a file, the gateway opens it, and asks once more where it is gone. */
export function puller({ asksAgain = true } = {}): Actor {
  return {
    name: 'puller',
    start: { at: 'ask', asked: 0, takenBack: 0 },
    needsCore: ({ at }) => at !== 'file',
    isInRequest: ({ at }) => at === 'size' || at === 'damaged',
    observe: (local, operation, result) => {
      const { at } = local;
      if (operation.do === 'kill core') return at === 'size' || at === 'damaged' ? ended : local;
      // What was named may be deleted on purpose, or by age, before it is opened.
      const isTakenBack = operation.do === 'tick' || (operation.do.endsWith('.delete') && result === 1);
      return isTakenBack && at !== 'end' ? { ...local, takenBack: 1 } : local;
    },
    steps: (local) => {
      const { at, key, asked } = local;
      switch (at) {
        case 'ask':
          return step({ do: 'blob.read', repository: 'a', blob: 'x' }, (row) =>
            row === '' ? ended : { at: 'size', asked: asked!, key: String(row).split(' ')[0]!, takenBack: 0 },
          );
        case 'size':
          return step({ do: 'file.size', key: key as Key }, (whole) => ({
            ...local,
            at: whole ? 'file' : 'damaged',
          }));
        case 'damaged':
          return step({ do: 'blob.damaged', key: key as Key }, (marked) =>
            marked ? ended : { at: 'ask', asked: asked!, takenBack: 0 },
          );
        case 'file':
          return step({ do: 'file.open', key: key as Key, repository: 'a' }, (found) => {
            if (found === 'bytes') return ended;
            if (asksAgain && asked === 0) return { at: 'ask', asked: 1, takenBack: 0 };
            if (found === 'gone' || local.takenBack === 1) return ended;
            return new Violation('a pull of a live image failed');
          });
        default:
          return [];
      }
    },
  };
}
