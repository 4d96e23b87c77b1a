import { type Actor, ended, type Local, type Step, step } from './actor.ts';
import { client, put } from './client.ts';
import type { Key } from './universe.ts';
import { uploadSteps } from './upload.ts';

const place = { repository: 'a', blob: 'x' } as const;
const child = { repository: 'a', manifest: 'c' } as const;

/** HEAD, skip what exists or upload it; likewise the child manifest; then an index that lists it, with a tag. */
export function pusher({ key = 'p' }: { key?: Key } = {}): Actor {
  const done = (local: Local): Local => ({ ...local, at: 'head child' });
  return client(
    'pusher',
    'head blob',
    'a',
    (local) =>
      headBlob(local) ??
      headChild(local) ??
      putSteps(local) ??
      uploadSteps(local, { session: 'p', key, done }) ??
      [],
  );
}

/** Goes on without the key that a HEAD was looking at. */
function goFrom(local: Local) {
  const { key: _, ...rest } = local;
  return (at: string, more: object = {}): Local => ({ ...rest, at, ...more });
}

/** As `wholeBlob` in `registry-core/handlers/blobs.ts`, with the renewal of `promiseBlob`. */
function headBlob(local: Local): Step[] | undefined {
  const go = goFrom(local);
  const key = local.key as Key;
  switch (local.at) {
    case 'head blob':
      return step({ do: 'blob.read', ...place }, (row) => {
        const [found, lease] = String(row).split(' ');
        if (row === '') return go('open');
        return lease === 'fresh' ? go('head size', { key: found, blob: 0 }) : go('renew', { key: found });
      });
    case 'renew':
      return step({ do: 'link.renew', ...place }, (there) =>
        there ? go('head size', { key, blob: 0 }) : go('open'),
      );
    case 'head size':
      return step({ do: 'file.size', key }, (whole) => (whole ? go('head child') : go('damaged', { key })));
    case 'damaged':
      return step({ do: 'blob.damaged', key }, (marked) => go(marked ? 'open' : 'head blob'));
    default:
      return undefined;
  }
}

function headChild(local: Local): Step[] | undefined {
  const go = goFrom(local);
  switch (local.at) {
    case 'head child':
      return step({ do: 'manifest.read', ...child }, (lease) => {
        if (lease === '') return go('put child');
        return lease === 'fresh' ? go('put', { child: 0 }) : go('renew child');
      });
    case 'renew child':
      return step({ do: 'manifest.renew', ...child }, (there) =>
        there ? go('put', { child: 0 }) : go('put child'),
      );
    default:
      return undefined;
  }
}

function putSteps(local: Local): Step[] | undefined {
  const index = { do: 'manifest.put', repository: 'a', manifest: 'i1', tag: 'latest' } as const;
  if (local.at === 'put') return put(local, 'child', index, ended);
  if (local.at !== 'put child') return undefined;
  return put(local, 'blob', { do: 'manifest.put', ...child, tag: '' }, goFrom(local)('put', { child: 0 }));
}
