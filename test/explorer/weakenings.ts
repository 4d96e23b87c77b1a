import type { Actor } from './actor.ts';
import { mounter, undo } from './clients.ts';
import { collector } from './collector.ts';
import { core, time } from './core.ts';
import type { Facts } from './facts.ts';
import { Model, pairs } from './model.ts';
import type { Of, Result } from './operations.ts';
import { deleter, puller } from './others.ts';
import { pusher } from './pusher.ts';
import type { RealHandlers, RealStore } from './real.ts';
import { blobs, keyText } from './universe.ts';

/** A rule made weaker, in the model and in the real store, and a scene in which that shows. */
export interface Weakening {
  rule: string;
  actors: () => Actor[];
  model?: () => Model;
  real?: (handlers: RealHandlers, store: RealStore) => void;
}

const pushing = () => [pusher(), deleter(), collector(), core(), time(2)];

export const weakenings: Weakening[] = [
  {
    rule: 'lease renewed only when unreferenced',
    actors: pushing,
    model: () =>
      new (class extends Model {
        override renewLink(facts: Facts, operation: Of<'link.renew'>): Result {
          if (this.referring(facts, operation.repository, operation.blob)) return 1;
          return super.renewLink(facts, operation);
        }
      })(),
    real(handlers, { harness }) {
      const renew = handlers['link.renew'];
      const referring = harness.prepare('SELECT 1 FROM manifest_blobs WHERE digest = ?');
      handlers['link.renew'] = (state, operation) =>
        referring.get(blobs[operation.blob].digest) ? 1 : renew(state, operation);
    },
  },
  {
    rule: 'no manifest lease',
    actors: pushing,
    model: () =>
      new (class extends Model {
        override manifestLease(): number {
          return 0;
        }
      })(),
    real(handlers, { harness }) {
      const mark = handlers['gc.mark'];
      const end = harness.prepare('UPDATE manifests SET lease_until = ?');
      handlers['gc.mark'] = (state, operation) => {
        end.run(Date.now());
        return mark(state, operation);
      };
    },
  },
  {
    rule: 'condemning from a list made earlier',
    actors: () => [pusher(), deleter(), collector({ fromList: true }), core(), time(2)],
  },
  {
    rule: 'key reused',
    actors: () => [pusher({ key: 'k0' }), deleter(), collector(), time(2)],
    model: () =>
      new (class extends Model {
        override commit(facts: Facts, operation: Of<'blob.commit'>): Result {
          const displaced = super.commit(facts, operation);
          if (displaced !== operation.key) return displaced;
          facts.delete(`doomed blob ${displaced}`);
          return '';
        }
      })(),
    real(handlers, { harness }) {
      const commit = handlers['blob.commit'];
      const spare = harness.prepare('DELETE FROM doomed_keys WHERE storage_key = ?');
      handlers['blob.commit'] = async (state, operation) => {
        const displaced = await commit(state, operation);
        if (displaced !== operation.key) return displaced;
        spare.run(keyText(displaced));
        return '';
      };
    },
  },
  {
    rule: 'DELETE of the row without key and state',
    actors: pushing,
    model: () =>
      new (class extends Model {
        override forgetCondemned(facts: Facts, list: string): Result {
          for (const [blob] of pairs(list)) facts.delete(`blob ${blob}`);
          return 1;
        }
      })(),
    // On a connection that does not check foreign keys; they are a second line of defence here.
    real(handlers, { harness }) {
      const forget = harness.prepare('DELETE FROM blobs WHERE digest = ?');
      handlers['gc.forgetCondemned'] = (_, { list }) => {
        for (const [blob] of pairs(list)) forget.run(blobs[blob].digest);
        return 1;
      };
    },
  },
  {
    rule: 'no `doomed_keys`',
    actors: pushing,
    model: () =>
      new (class extends Model {
        override doom(): void {}
      })(),
    real(handlers, { harness }) {
      const commit = handlers['blob.commit'];
      const forget = harness.prepare('DELETE FROM doomed_keys');
      handlers['blob.commit'] = async (state, operation) => {
        const displaced = await commit(state, operation);
        forget.run();
        return displaced;
      };
    },
  },
  {
    rule: 'no second ask on ENOENT',
    actors: () => [pusher(), deleter(), collector(), puller({ asksAgain: false }), time(2)],
  },
  {
    rule: 'file of a small upload before its closing',
    actors: () => [mounter({ fileFirst: true }), deleter(), collector(), core(), time(2)],
  },
  {
    rule: 'undo with the old key',
    actors: () => [undo({ oldKey: true }), deleter(), collector(), time(2)],
  },
];
