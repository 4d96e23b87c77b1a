import { type Actor, ended, step } from './actor.ts';
import { client, put } from './client.ts';
import type { Key, Manifest, Session } from './universe.ts';
import { smallUploadSteps, uploadSteps } from './upload.ts';

/** Mounts the blob into another repository, uploads it as a small one where that fails, and pushes an image of it. */
export function mounter({ fileFirst = false } = {}): Actor {
  return client('mounter', 'mount', 'b', (local) => {
    switch (local.at) {
      case 'mount':
        return step({ do: 'blob.mount', repository: 'b', blob: 'x', from: 'a' }, (mounted) =>
          mounted ? { at: 'put', blob: 0 } : { at: 'open' },
        );
      case 'put':
        return put(
          local,
          'blob',
          { do: 'manifest.put', repository: 'b', manifest: 'm', tag: 'latest' },
          ended,
        );
      default:
        return (
          smallUploadSteps(local, { session: 'm', fileFirst, done: (rest) => ({ ...rest, at: 'put' }) }) ?? []
        );
    }
  });
}

/** Uploads one blob and pushes one manifest of it. */
function uploader(name: string, start: string, session: Session, manifest: Manifest, tag: string): Actor {
  return client(name, start, 'a', (local) => {
    if (local.at === 'put') {
      return put(local, 'blob', { do: 'manifest.put', repository: 'a', manifest, tag }, ended);
    }
    return uploadSteps(local, { session, done: (rest) => ({ ...rest, at: 'put' }) }) ?? [];
  });
}

/** Signs the child: a second blob, and a referrer of it. */
export const signer = (): Actor => uploader('signer', 'open', 's', 'r', '');

/**
 * Brings back what a run swept, from a copy of its bytes: a push, by `gatehouse gc undo`. Waits until something was
 * swept. A weaker one puts file and row back as they were, in one piece.
 */
export function undo({ oldKey = false } = {}): Actor {
  const push = uploader('undo', 'wait', 'u', 'c', 'undone');
  return {
    ...push,
    observe: (local, operation, result) => {
      const isSwept = operation.do === 'gc.remove' && result === 1 && local.at === 'wait';
      if (isSwept && oldKey) return { at: 'restore', key: operation.key };
      return isSwept ? { at: 'open' } : push.observe!(local, operation, result);
    },
    steps: (local) => {
      if (local.at !== 'restore') return push.steps(local);
      return step({ do: 'weak.restore', key: local.key as Key }, () => ({ at: 'put', blob: 0 }));
    },
  };
}
