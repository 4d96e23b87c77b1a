import { ended, type Local, type Step, step } from './actor.ts';
import { blobOf, type Key, type Session } from './universe.ts';

/**
 * A blob's way in, as `upload-session.ts` and `upload-commit.ts` of `registry-core/` go it. A weaker one takes a key that was used before.
 *
 *   open → create → check → close → rename → look → size → commit → remove → forget → `done`
 */
export function uploadSteps(
  local: Local,
  { session, key = session, done }: { session: Session; key?: Key; done: (local: Local) => Local },
): Step[] | undefined {
  const go = (at: string, more: object = {}): Local => ({ ...local, at, ...more });
  switch (local.at) {
    case 'open':
      return step({ do: 'session.open', session }, () => go('create'));
    case 'create':
      return step({ do: 'upload.create', session }, () => go('check', { session }));
    case 'check':
      // The session may have expired, and been swept, before its file was there.
      return step({ do: 'session.read', session }, (there) => {
        const { session: _, ...rest } = local;
        return there ? ({ ...rest, at: 'close' } as Local) : go('discard');
      });
    case 'discard':
      return step({ do: 'upload.discard', session }, () => ended);
    case 'close':
      return step({ do: 'session.close', session, key }, (closed) => (closed ? go('rename') : ended));
    default:
      return commitSteps(local, { session, key, done });
  }
}

/**
 * A small blob's way in: the first that the store hears of its session is its closing, with the bytes. A weaker one writes
 * the file before.
 *
 *   close → write → look → size → commit → remove → forget → `done`
 */
export function smallUploadSteps(
  local: Local,
  {
    session,
    fileFirst = false,
    done,
  }: { session: Session; fileFirst?: boolean; done: (local: Local) => Local },
): Step[] | undefined {
  const go = (at: string): Local => ({ ...local, at });
  switch (local.at === 'open' ? (fileFirst ? 'write' : 'close') : local.at) {
    case 'close':
      return step({ do: 'session.closeUnrecorded', session, key: session }, () =>
        go(fileFirst ? 'look' : 'write'),
      );
    case 'write':
      return step({ do: 'file.write', key: session }, () => go(fileFirst ? 'close' : 'look'));
    default:
      return commitSteps(local, { session, key: session, done });
  }
}

/** From the rename on, which a core that starts again does for what it finds closing. */
export function commitSteps(
  local: Local,
  { session, key, done }: { session: Session; key: Key; done: (local: Local) => Local },
): Step[] | undefined {
  const go = (at: string, more: object = {}): Local => ({ ...local, at, ...more });
  // The promise counts from the commit on.
  const finish = () => {
    const { broken: _, displaced: __, ...rest } = local;
    return done({ blob: 0, ...rest } as Local);
  };
  switch (local.at) {
    case 'rename':
      return step({ do: 'upload.rename', session, key }, (renamed) => (renamed ? go('look') : ended));
    case 'look':
      return step({ do: 'blob.stored', blob: blobOf(session) }, (old) =>
        old === '' ? go('commit', { broken: '' }) : go('size', { broken: old }),
      );
    case 'size':
      return step({ do: 'file.size', key: local.broken as Key }, (whole) =>
        whole ? go('commit', { broken: '' }) : go('commit'),
      );
    case 'commit':
      return step({ do: 'blob.commit', session, key, broken: local.broken as Key }, (displaced) => {
        if (displaced === 0) return go('unwind');
        return displaced === '' ? finish() : go('remove', { displaced, blob: 0 });
      });
    case 'unwind':
      return step({ do: 'file.remove', key }, () => ended);
    case 'remove':
      return step({ do: 'file.remove', key: local.displaced as Key }, () => go('forget'));
    case 'forget':
      return step({ do: 'doomed.forget', kind: 'blob', name: local.displaced as Key }, finish);
    default:
      return undefined;
  }
}
