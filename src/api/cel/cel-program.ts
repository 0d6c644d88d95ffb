import { Environment, ParseError } from '@marcbachmann/cel-js';
import { countSteps, withBudget } from './cel-budget.ts';
import { registerKubernetesFunctions } from './kubernetes-functions.ts';
import { withoutStructLiterals } from './struct-literals.ts';

/** One expression, ready to be evaluated. Values go in and come out as CEL has them: see cel-values.ts. */
export interface CelProgram {
  /** Throws an Error whose message says in one line why there is no value. */
  evaluate(variables: Readonly<Record<string, unknown>>): unknown;
}

/** An expression that does not compile. The message is one line. */
export class CelError extends Error {
  /** Of the grammar; else of types, names or functions. */
  readonly isSyntax: boolean;

  constructor(message: string, options: { isSyntax?: boolean } = {}) {
    super(message);
    this.name = 'CelError';
    this.isSyntax = options.isSyntax ?? false;
  }
}

/** What expressions of webhooks and policies may name. */
export const ADMISSION_VARIABLES = ['object', 'oldObject', 'request', 'namespaceObject', 'params', 'variables', 'authorizer'] as const;
/** What match conditions of webhooks may name. */
export const CONDITION_VARIABLES = ['object', 'oldObject', 'request', 'authorizer'] as const;
/** What rules of custom resource definitions may name. */
export const RULE_VARIABLES = ['self', 'oldSelf'] as const;

/** What an expression may be; what it may do is bounded in cel-budget.ts. Upstream also estimates costs before anything runs. */
const LIMITS = { maxAstNodes: 10_000, maxDepth: 100 };
const MOST_PROGRAMS = 2000;

const environments = new Map<string, Environment>();
const programs = new Map<string, CelProgram>();

const environmentOf = (variables: readonly string[]): Environment => {
  const key = variables.join();
  let env = environments.get(key);
  if (!env) {
    env = new Environment({ enableOptionalTypes: true, homogeneousAggregateLiterals: false, limits: LIMITS });
    registerKubernetesFunctions(env);
    for (const name of variables) env.registerVariable(name, 'dyn');
    environments.set(key, env);
  }
  return env;
};

/** Throws `CelError`. With `result` the expression must be of that type, as far as that can be told before it runs. */
export const compileCel = (expression: string, variables: readonly string[], result?: 'bool' | 'string'): CelProgram => {
  const key = `${variables.join()}|${result ?? ''}|${expression}`;
  const known = programs.get(key);
  if (known) return known;
  const env = environmentOf(variables);
  const text = withoutStructLiterals(expression);
  const checked = env.check(text);
  if (!checked.valid) {
    const isSyntax = checked.error instanceof ParseError;
    throw new CelError(`${isSyntax ? 'Syntax error: ' : ''}${lineOf(checked.error)}`, { isSyntax });
  }
  if (result && checked.type !== result && checked.type !== 'dyn') throw new CelError(`must evaluate to ${result}`);
  const run = env.parse(text);
  countSteps(run.ast);
  const program: CelProgram = {
    evaluate(values) {
      try {
        return withBudget(() => run(values));
      } catch (error) {
        throw new Error(lineOf(error).replace(/^No such key/, 'no such key'));
      }
    },
  };
  if (programs.size >= MOST_PROGRAMS) programs.clear();
  programs.set(key, program);
  return program;
};

const lineOf = (error: unknown): string => (error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : String(error));
