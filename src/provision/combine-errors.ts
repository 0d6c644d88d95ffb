import type { ErrorCode } from '../base/errors/catalogue.ts';
import { SlipwayError } from '../base/errors/slipway-error.ts';

/** So many hosts are named one by one. */
const NAMED = 20;

/** They say that something failed, not why: any other code tells more. */
const VAGUE: readonly ErrorCode[] = ['COMMAND_FAILED', 'STEP_FAILED', 'TIMEOUT'];

/** What all of them answer, once all have ended; what failed is thrown then, combined. */
export const allDone = async <T>(tried: string, works: readonly Promise<T>[]): Promise<T[]> => {
  const results = await Promise.allSettled(works);
  const errors = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  if (errors.length) throw combineErrors(tried, errors);
  return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
};

/**
 * What went wrong on several hosts as one error, so that a person mends all of them at once. One error stays as it is; several have the first code
 * that says why, and every host has its sentence and its advice.
 */
export const combineErrors = (tried: string, errors: readonly unknown[]): unknown => {
  const [first] = errors;
  // Whoever stopped the others, or a defect, speaks alone.
  const defect = errors.find((error) => !(error instanceof SlipwayError));
  if (errors.length < 2 || defect !== undefined) return defect ?? first;
  const told = errors as readonly SlipwayError[];
  const lines = told.slice(0, NAMED).map((error) => `cannot ${error.tried}${error.reason ? `: ${error.reason}` : ''}`);
  const rest = told.length > NAMED ? [`and ${told.length - NAMED} more`] : [];
  const telling = told.find(({ code }) => !VAGUE.includes(code));
  return new SlipwayError((telling ?? (first as SlipwayError)).code, {
    tried,
    cause: [`${told.length} hosts have failed`, ...lines, ...rest].join('\n  '),
    logLines: told.flatMap((error) => error.logLines).slice(0, 20),
    advice: [...new Set(told.flatMap((error) => error.advice))].slice(0, NAMED),
  });
};
