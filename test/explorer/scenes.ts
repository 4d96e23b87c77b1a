import type { Actor } from './actor.ts';
import { mounter, signer, undo } from './clients.ts';
import { collector } from './collector.ts';
import { core, time } from './core.ts';
import { deleter, puller } from './others.ts';
import { pusher } from './pusher.ts';

/** Who takes part. Every order of their steps is tried. */
export interface Scene {
  name: string;
  actors: () => Actor[];
}

const machinery = () => [deleter(), collector(), core(), time(2)];

/** Over the real store in every test run. Two collections, of which one may be killed, a core that may be, time. */
export const smallScenes: Scene[] = [
  { name: 'push and pull', actors: () => [pusher(), puller(), ...machinery()] },
  { name: 'mount and pull', actors: () => [mounter(), puller(), ...machinery()] },
  { name: 'undo and pull', actors: () => [undo(), puller(), ...machinery()] },
  { name: 'a second blob and a referrer', actors: () => [signer(), ...machinery()] },
  {
    name: 'push, mount and pull, one run',
    actors: () => [pusher(), mounter(), puller(), deleter(), collector({ runs: 1, kills: 0 })],
  },
];

/** The bounds at which the rules are claimed: two clients, a deleter, two runs, crashes of either process. */
export const namedScene: Scene = {
  name: 'push and mount, crashes of core and collector',
  actors: () => [pusher(), mounter(), ...machinery()],
};

/** Over the model in every test run, beside the named one. */
export const mediumScenes: Scene[] = [
  {
    name: 'push, mount and pull, one run, time',
    actors: () => [pusher(), mounter(), puller(), deleter(), collector({ runs: 1, kills: 0 }), time(1)],
  },
  {
    name: 'push, undo and pull, one run, time',
    actors: () => [pusher(), undo(), puller(), deleter(), collector({ runs: 1, kills: 0 }), time(1)],
  },
  {
    name: 'push and undo, two runs',
    actors: () => [pusher(), undo(), deleter(), collector(), time(1)],
  },
  {
    name: 'push, mount and sign: three clients, two blobs, a referrer',
    actors: () => [pusher(), mounter(), signer(), deleter(), collector({ runs: 1, kills: 0 })],
  },
];

/** On demand, over the model and over the real store. */
export const largeScenes: Scene[] = [
  { name: 'push and undo, crashes', actors: () => [pusher(), undo(), ...machinery()] },
  { name: 'push and sign, crashes', actors: () => [pusher(), signer(), ...machinery()] },
  {
    name: 'push, mount and pull, two runs',
    actors: () => [pusher(), mounter(), puller(), deleter(), collector({ kills: 0 }), time(2)],
  },
  {
    name: 'push, mount and sign, one run, time',
    actors: () => [pusher(), mounter(), signer(), deleter(), collector({ runs: 1, kills: 0 }), time(1)],
  },
];
