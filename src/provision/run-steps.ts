import { SlipwayError } from '../base/errors/slipway-error.ts';
import type { ProgressEvent } from '../base/progress.ts';
import type { Step } from './steps/step.ts';

export interface RunStepsOptions {
  push: (event: ProgressEvent) => void;
  /** Ctrl-C, or the end of the time that was given (its reason is then a TimeoutError). */
  interrupted: AbortSignal;
  /** Stops the steps that run beside one that failed; the context's signal. */
  stop: (reason: unknown) => void;
  /** Leave things as they are when a step fails. */
  keep: boolean;
  /** Told when something that was begun could not be taken back. */
  remains?: () => void;
  now?: () => number;
}

/**
 * Runs steps as early as what they need allows. When one fails, the others are stopped, and what was begun is undone in the reverse
 * order of beginning, unless `keep`. Throws the failed step's own error, INTERRUPTED or DEADLINE. Answers whether anything changed.
 */
export const runSteps = async <Context>(
  steps: readonly Step<Context>[],
  context: Context,
  options: RunStepsOptions,
): Promise<{ changed: boolean }> => {
  const { push, interrupted, now = Date.now } = options;
  const wanted = steps.filter((step) => step.wanted?.(context) ?? true);
  const names = new Set(wanted.map((step) => step.name));
  const done = new Map<string, Promise<void>>();
  const begun: Step<Context>[] = [];
  const running = new Set<Step<Context>>();
  let underWay: Step<Context>[] = [];
  const remember = (): void => {
    underWay = [...running];
  };
  interrupted.addEventListener('abort', remember, { once: true });
  let changed = false;
  let failure: { step: Step<Context>; error: unknown } | undefined;
  /** By which the others were stopped. */
  const firstError = (): unknown => failure?.error;

  const run = async (step: Step<Context>, needs: readonly string[]): Promise<void> => {
    // All steps are registered before the first one looks for those that it needs.
    await Promise.resolve();
    await Promise.all(needs.filter((name) => names.has(name)).map((name) => done.get(name)));
    if (failure || interrupted.aborted) return;
    begun.push(step);
    running.add(step);
    push({ type: 'step-started', step: step.name, title: step.title });
    const startedAt = now();
    try {
      const outcome = await step.apply(context, (detail) => push({ type: 'step-detail', step: step.name, detail }));
      changed ||= outcome.changed;
      push({ type: 'step-done', step: step.name, changed: outcome.changed, milliseconds: Math.round(now() - startedAt) });
    } catch (error) {
      const first = firstError();
      const isStopped = first !== undefined && (error === first || (error as Error | undefined)?.name === 'AbortError');
      const reason = interrupted.aborted ? 'interrupted' : isStopped ? 'stopped, as another step has failed' : messageOf(error);
      push({ type: 'step-failed', step: step.name, reason });
      failure ??= { step, error };
      options.stop(error);
    } finally {
      running.delete(step);
    }
  };

  for (const [index, step] of wanted.entries()) {
    const before = wanted[index - 1];
    done.set(step.name, run(step, step.needs ?? (before ? [before.name] : [])));
  }
  await Promise.all(done.values());
  interrupted.removeEventListener('abort', remember);
  if (!failure && !interrupted.aborted) return { changed };
  if (!options.keep && !(await undo(begun, context, push))) options.remains?.();
  if (interrupted.aborted) throw interruption({ keep: options.keep, isDeadline: interrupted.reason?.name === 'TimeoutError', underWay });
  throw failureOf(failure?.step as Step<Context>, failure?.error);
};

/** Answers whether all of it worked. */
const undo = async <Context>(begun: readonly Step<Context>[], context: Context, push: (event: ProgressEvent) => void): Promise<boolean> => {
  let worked = true;
  for (const step of begun.toReversed()) {
    if (!step.undo) continue;
    try {
      await step.undo(context);
    } catch (error) {
      // What remains is told, and does not keep the rest from being undone.
      worked = false;
      push({ type: 'warning', message: `taking back "${step.title}" failed: ${messageOf(error)}${lastLineOf(error)}` });
    }
  }
  return worked;
};

const interruption = ({ keep, isDeadline, underWay }: { keep: boolean; isDeadline: boolean; underWay: Step<never>[] }): SlipwayError => {
  const fate = keep ? 'what was made is kept' : 'what was made is removed again';
  if (!isDeadline) return new SlipwayError('INTERRUPTED', { tried: 'go on', cause: `Ctrl-C was pressed; ${fate}` });
  const names = underWay.map((step) => `"${step.title}" (${step.name})`);
  return new SlipwayError('DEADLINE', {
    tried: 'finish in the time that --timeout gives',
    cause: `${names.length ? `${names.join(' and ')} ${names.length === 1 ? 'was' : 'were'} under way` : 'no step had begun'}; ${fate}`,
  });
};

/** Every error names its step. Those that say by themselves what is wrong keep their code; the others are told as the step's failure. */
const failureOf = (step: Step<never> | Step<unknown>, error: unknown): SlipwayError => {
  if (error instanceof SlipwayError && error.code !== 'COMMAND_FAILED' && error.code !== 'STEP_FAILED')
    return error.with({ step: { name: step.name, title: step.title } });
  return new SlipwayError('STEP_FAILED', {
    step: { name: step.name, title: step.title },
    tried: `finish the step "${step.title}" (${step.name})`,
    cause: error instanceof Error ? error : String(error),
    logLines: error instanceof SlipwayError ? error.logLines.map(shortened) : undefined,
    advice: error instanceof SlipwayError && error.advice.length ? error.advice : undefined,
  });
};

/** A minified source line in a stack trace says nothing. */
const shortened = (line: string): string => (line.length > 300 ? `${line.slice(0, 300)}...` : line);

const lastLineOf = (error: unknown): string => {
  const line = error instanceof SlipwayError ? error.logLines.at(-1) : undefined;
  return line ? ` (${shortened(line)})` : '';
};

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
