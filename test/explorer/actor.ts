import type { Operation, Result } from './operations.ts';

/** Where an actor stands: `at` is the name of its next step, the rest what it remembers. */
export type Local = { at: string } & Readonly<Record<string, number | string>>;

/** What must never be seen by a client. */
export class Violation {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

export interface Step {
  operation: Operation;
  after(result: Result): Local | Violation;
}

/** Somebody who takes steps: a client with its requests, the collector, the gateway, time. Pure: worlds do the work. */
export interface Actor {
  name: string;
  start: Local;
  /** What it may do next; nothing when it has ended. */
  steps(local: Local): Step[];
  /** What an operation of somebody else does to it. */
  observe?(local: Local, operation: Operation, result: Result): Local;
  /** Whether its next step is one of the core's. */
  needsCore?(local: Local): boolean;
  /** Whether a request of its is under way in the core. */
  isInRequest?(local: Local): boolean;
}

/** Those operations that others notice. */
export const isNoticed = ({ do: name }: Operation): boolean =>
  ['tick', 'kill core', 'blob.delete', 'manifest.delete', 'gc.remove'].includes(name);

export const ended: Local = { at: 'end' };

/** The only step there is. */
export const step = (operation: Operation, after: Step['after']): Step[] => [{ operation, after }];
