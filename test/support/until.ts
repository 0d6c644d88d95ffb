/** Resolves once the condition holds; fails loudly after `withinMs`. Looks every few milliseconds, so a pass is quick. */
export const until = async (condition: () => unknown, options: { withinMs?: number; what?: string } = {}): Promise<void> => {
  const { withinMs = 30_000, what = condition.toString() } = options;
  const deadline = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};
