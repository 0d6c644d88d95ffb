/**
 * Expressions are somebody else's and run on the thread that serves everyone: the steps of their loops (all, exists, map, filter) are
 * counted over one evaluation, nested ones each by itself. Upstream counts a million units of cost, a few for each step.
 */
const MOST_STEPS = 250_000;
const EXCEEDED = new Error('operation cancelled: actual cost limit exceeded');

let left = 0;

const spend = (): void => {
  // Not made anew: a loop goes on after an error, as the language has it, and each further step comes here.
  if (left-- <= 0) throw EXCEEDED;
};

/** Runs an evaluation with a budget of its own. Throws when it was not enough, also where the expression passed over the error. */
export const withBudget = <T>(evaluate: () => T): T => {
  left = MOST_STEPS;
  const value = evaluate();
  if (left < 0) throw EXCEEDED;
  return value;
};

/** What of cel-js's parsed expressions is needed to find their loops. */
interface Node {
  readonly op: string;
  readonly args: unknown;
  readonly meta: { evaluate: Evaluate; alternate?: unknown; macro?: unknown };
  evaluate: Evaluate;
}
type Evaluate = (...args: unknown[]) => unknown;

/** Makes the loops of a parsed expression spend. */
export const countSteps = (ast: unknown): void => visit(ast, new Set());

const visit = (value: unknown, seen: Set<object>): void => {
  if (typeof value !== 'object' || value === null || seen.has(value)) return;
  seen.add(value);
  if (Array.isArray(value)) {
    for (const one of value) visit(one, seen);
    return;
  }
  if (isNode(value)) {
    if (value.op === 'comprehension') count((value.args as { step: Node }).step);
    visit(value.args, seen);
    visit(value.meta.alternate, seen);
    visit(value.meta.macro, seen);
    return;
  }
  // The parts of a loop, and what macros keep.
  if (Object.getPrototypeOf(value) === Object.prototype) for (const part of Object.values(value)) visit(part, seen);
};

const isNode = (value: object): value is Node => 'op' in value && 'meta' in value;

const count = (step: Node): void => {
  step.evaluate = (...args) => {
    spend();
    return step.meta.evaluate.apply(step, args);
  };
};
