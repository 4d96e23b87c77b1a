import type { Rate } from '../../runtime/budgets.ts';
import type { Channel, Hub } from '../workers/channel.ts';
import type { Count, Counters } from './counters.ts';
import type { MemoryCounters } from './memory-counters.ts';

const services = {
  take: 'limits.take',
  look: 'limits.look',
  giveBack: 'limits.give-back',
  hold: 'limits.hold',
  release: 'limits.release',
  book: 'limits.book',
  grant: 'limits.grant',
  redeem: 'limits.redeem',
} as const;

/** The counters as workers see them: the primary has the ones that count. */
export function countersOver(channel: Channel): Counters {
  return {
    take: (key, rate) => channel.call<Count>(services.take, [key, rate]),
    look: (key, rate) => channel.call<Count>(services.look, [key, rate]),
    giveBack: (key) => channel.post(services.giveBack, key),
    async hold(key, most) {
      if (!(await channel.call<boolean>(services.hold, [key, most]))) return undefined;
      let isHeld = true;
      return {
        release() {
          if (isHeld) channel.post(services.release, key);
          isHeld = false;
        },
      };
    },
    book: (key, bytes, bytesPerSecond) => channel.call<number>(services.book, [key, bytes, bytesPerSecond]),
    grant: (key, lifeMs) => channel.call(services.grant, [key, lifeMs]),
    redeem: (key) => channel.call<boolean>(services.redeem, key),
  };
}

export function serveCounters(hub: Hub, counters: MemoryCounters): void {
  const { held } = counters;
  hub.serve(services.take, ([key, rate]: [string, Rate]) => counters.take(key, rate));
  hub.serve(services.look, ([key, rate]: [string, Rate]) => counters.look(key, rate));
  hub.serve(services.giveBack, (key: string) => counters.giveBack(key));
  hub.serve(services.hold, ([key, most]: [string, number], worker) => held.hold(key, most, worker));
  hub.serve(services.release, (key: string, worker) => held.release(key, worker));
  hub.serve(services.book, ([key, bytes, bytesPerSecond]: [string, number, number]) =>
    counters.book(key, bytes, bytesPerSecond),
  );
  hub.serve(services.grant, ([key, lifeMs]: [string, number]) => {
    counters.grant(key, lifeMs);
    return null;
  });
  hub.serve(services.redeem, (key: string) => counters.redeem(key));
  hub.onGone((worker) => held.releaseAll(worker));
}
