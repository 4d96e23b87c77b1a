import { type Actor, ended, type Local, type Step, step } from './actor.ts';
import type { Session } from './universe.ts';
import { commitSteps } from './upload.ts';

/**
 * The core's process: may be killed while requests are under way, and then first finishes what it finds closing, as
 * `UploadSessions.recover` does, and settles its journal, before it answers anybody.
 */
export function core({ kills = 1 } = {}): Actor {
  return {
    name: 'core',
    start: { at: 'up', kills },
    steps: (local) => recoverySteps(local, Number(local.kills)),
  };
}

function recoverySteps(local: Local, kills: number): Step[] {
  const up: Local = { at: 'up', kills };
  const sessions = String(local.sessions ?? '').split(',');
  const session = sessions[0] as Session;
  const rest = sessions.slice(1).join(',');
  const nextSession: Local = rest === '' ? { at: 'settle', kills } : { at: 'restore', kills, sessions: rest };
  switch (local.at) {
    case 'up':
      return kills > 0 ? step({ do: 'kill core' }, () => ({ at: 'start', kills: kills - 1 })) : [];
    case 'start':
      return step({ do: 'session.closing' }, (list) =>
        list === '' ? { at: 'settle', kills } : { at: 'restore', kills, sessions: list },
      );
    case 'restore':
      return step({ do: 'journal.restore', session, key: session }, (restored) => ({
        ...local,
        at: restored ? 'look' : 'whole',
      }));
    case 'settle':
      return step({ do: 'journal.settle' }, () => up);
    case 'whole':
      return step({ do: 'upload.whole', session, key: session }, (whole) => ({
        ...local,
        at: whole ? 'rename' : 'cancel',
      }));
    case 'cancel':
      return step({ do: 'session.cancel', session }, () => nextSession);
    default: {
      const steps = commitSteps(local, { session, key: session, done: () => nextSession }) ?? [];
      // One that cannot be finished is left for its expiry.
      return steps.map(({ operation, after }) => ({
        operation,
        after: (result) => {
          const next = after(result);
          return next === ended ? nextSession : next;
        },
      }));
    }
  }
}

/** Half leases that pass, at any moment. */
export function time(ticks: number): Actor {
  return {
    name: 'time',
    start: { at: 'run', left: ticks },
    steps: ({ left }) =>
      Number(left) > 0
        ? [{ operation: { do: 'tick' }, after: () => ({ at: 'run', left: Number(left) - 1 }) }]
        : [],
  };
}
