/** So many are called before other events get their turn. */
const MOST_AT_ONCE = 256;

const waiting: (() => void)[] = [];

/**
 * Calls back after what is under way, many in one turn of the event loop: what watchers of one connection are sent then leaves in one
 * write, where a setImmediate of each one's own would make as many writes.
 */
export const callSoon = (callback: () => void): void => {
  waiting.push(callback);
  if (waiting.length === 1) setImmediate(callSome);
};

const callSome = (): void => {
  const now = waiting.splice(0, MOST_AT_ONCE);
  // Also when one of them throws.
  if (waiting.length > 0) setImmediate(callSome);
  for (const callback of now) callback();
};
