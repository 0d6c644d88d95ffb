import { CATALOGUE, type ErrorCode } from './catalogue.ts';

export interface SlipwayErrorDetails {
  /** What was being tried, as the end of "cannot ...": `start node demo-2`. */
  tried: string;
  /** Why it failed, in one sentence without the words of `tried`. */
  cause?: string | Error | undefined;
  /** Commands or settings that mend it, each typed as it stands. Replaces the catalogue's general advice. */
  advice?: readonly string[] | undefined;
  /** Last lines of the log that shows the cause. */
  logLines?: readonly string[] | undefined;
  /** Of a job, in which it happened: `Laying down programs`, and its stable name. */
  step?: FailedStep | undefined;
}

export interface FailedStep {
  readonly name: string;
  readonly title: string;
}

/**
 * An error that a person is meant to read: a stable code from the catalogue, what was tried, why it failed, and what to
 * type next. Everything else that is thrown is a defect.
 */
export class SlipwayError extends Error {
  readonly code: ErrorCode;
  readonly tried: string;
  readonly reason: string | undefined;
  readonly advice: readonly string[];
  readonly logLines: readonly string[];
  readonly step: FailedStep | undefined;

  constructor(code: ErrorCode, details: SlipwayErrorDetails) {
    const reason = details.cause instanceof Error ? details.cause.message : details.cause;
    super(`cannot ${details.tried}${reason ? `: ${reason}` : ''}`, details.cause instanceof Error ? { cause: details.cause } : undefined);
    this.name = 'SlipwayError';
    this.code = code;
    this.tried = details.tried;
    this.reason = reason;
    this.advice = details.advice ?? CATALOGUE[code].advice;
    this.logLines = details.logLines ?? [];
    this.step = details.step;
  }

  /** The same error with what a place further out knows. */
  with(more: Pick<SlipwayErrorDetails, 'step' | 'advice'>): SlipwayError {
    const { tried, reason, advice, logLines, step } = this;
    return new SlipwayError(this.code, { tried, cause: reason, advice, logLines, step, ...more });
  }

  get exitCode(): number {
    return CATALOGUE[this.code].exitCode;
  }
}
