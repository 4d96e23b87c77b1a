let turn = 0;
let isCounted = false;

/** Until the callback under way and its microtasks are over at most, before the event loop looks for anything else. */
function thisTurn(): number {
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

/**
 * Reads again only when this process may have heard of something new: until then whatever it answers was sent before the
 * last reading.
 */
export function oncePerTurn<Value>(read: () => Value): () => Value {
  let known: { value: Value; turn: number } | undefined;
  return () => {
    const now = thisTurn();
    if (known?.turn !== now) known = { value: read(), turn: now };
    return known.value;
  };
}
