let turn = 0;
let isCounted = false;

/**
 * Another number when this process may have heard of something new: what was looked at under the same one need not be
 * looked at again, since whatever is being answered was sent before. It is the same, at most, until the callback under way
 * and its microtasks are over, before the event loop looks for anything else.
 */
export function thisTurn(): number {
  if (!isCounted) {
    isCounted = true;
    process.nextTick(endTurn);
  }
  return turn;
}

/** For a change that this process made itself. */
export function endTurn(): void {
  turn += 1;
  isCounted = false;
}
