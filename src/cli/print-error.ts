import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { StatusError } from '../api/meta/status.ts';
import { CATALOGUE } from '../base/errors/catalogue.ts';
import { SlipwayError } from '../base/errors/slipway-error.ts';
import { CommandError, SeveralErrors, UsageError } from './errors.ts';

export interface ErrorView {
  /** For stderr, ends with a line end. */
  text: string;
  exitCode: number;
  /** What `-o json` prints instead of `text`: stable names. */
  json: {
    error: {
      code: string;
      message: string;
      tried?: string;
      step?: string;
      cause?: string;
      advice?: readonly string[];
      logLines?: readonly string[];
    };
  };
}

/** The page of errors that came with this program: above its bundle, or above the sources. */
const errorsPage = (): string => {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    const page = join(folder, 'docs/errors.md');
    if (existsSync(page)) return page;
  }
  return 'docs/errors.md';
};

/** Turns anything thrown into what a person reads and what a script reads. `commandId` is for the hint at help. */
export const viewOfError = (error: unknown, commandId: string): ErrorView => {
  if (error instanceof SeveralErrors) {
    const views = error.errors.map((each) => viewOfError(each, commandId));
    return {
      text: views.map((view) => view.text).join(''),
      exitCode: Math.max(...views.map((view) => view.exitCode)),
      json: { error: { code: 'SEVERAL', message: views.map((view) => view.json.error.message).join('; ') } },
    };
  }
  if (error instanceof UsageError) {
    const hint = error.hint ? `${error.hint}\n` : '';
    const command = commandId ? `slipway ${commandId}` : 'slipway';
    return {
      text: `error: ${error.message}\n${hint}See '${command} --help' for help and examples\n`,
      exitCode: 2,
      json: { error: { code: 'USAGE', message: error.message, advice: [`${command} --help`] } },
    };
  }
  if (error instanceof CommandError)
    return {
      text: error.message ? `error: ${error.message}\n` : '',
      exitCode: error.exitCode,
      json: { error: { code: 'FAILED', message: error.message } },
    };
  if (error instanceof StatusError) return viewOfStatus(error);
  if (error instanceof SlipwayError) return viewOfSlipwayError(error);
  const message = error instanceof Error ? (process.env['SLIPWAY_DEBUG'] ? (error.stack ?? error.message) : error.message) : String(error);
  return { text: `error: ${message}\n`, exitCode: 1, json: { error: { code: 'UNEXPECTED', message } } };
};

/** The error with words before its message: `error when creating "web.yaml": ...`, its kind kept. */
export const withContext = (error: unknown, words: string): unknown => {
  if (error instanceof StatusError) return new StatusError({ ...error.status, message: `${words}: ${error.message}` });
  if (error instanceof CommandError) return new CommandError(`${words}: ${error.message}`, { exitCode: error.exitCode, cause: error });
  return error;
};

/** As kubectl prints a Status: `Error from server (NotFound): pods "x" not found`, and invalid objects field by field. */
const viewOfStatus = (error: StatusError): ErrorView => {
  const { status } = error;
  const reason = error.reason || (error.code === 401 ? 'Unauthorized' : '');
  const json = { error: { code: reason || `HTTP${error.code}`, message: error.message } };
  if (reason === 'Unauthorized') return { text: `error: You must be logged in to the server (${error.message})\n`, exitCode: 1, json };
  if (reason === 'Invalid' && status.details?.causes?.length && error.message.startsWith(`${kindOf(error)} "`)) {
    const lines = status.details.causes.map((cause) => (cause.field ? `${cause.field}: ${cause.message}` : (cause.message ?? '')));
    const subject = `The ${status.details.kind} "${status.details.name ?? ''}" is invalid: `;
    return {
      text: lines.length === 1 ? `${subject}${lines[0]}\n` : `${subject}\n${lines.map((line) => `* ${line}\n`).join('')}`,
      exitCode: 1,
      json,
    };
  }
  return { text: `Error from server${reason ? ` (${reason})` : ''}: ${error.message}\n`, exitCode: 1, json };
};

const kindOf = (error: StatusError): string => {
  const { kind = '', group = '' } = error.status.details ?? {};
  return group ? `${kind}.${group}` : kind;
};

const viewOfSlipwayError = (error: SlipwayError): ErrorView => {
  const lines = [`error: ${CATALOGUE[error.code].title} (${error.code})`, `  cannot ${error.tried}`];
  // A failed step names itself.
  if (error.step && error.code !== 'STEP_FAILED') lines.push(`  in the step: ${error.step.title} (${error.step.name})`);
  if (error.reason) lines.push(`  because: ${error.reason.trim().replaceAll('\n', '\n           ')}`);
  if (error.logLines.length) lines.push('  last lines of the log:', ...error.logLines.map((line) => `    | ${line}`));
  for (const [index, advice] of error.advice.entries()) lines.push(`  ${index === 0 ? 'try: ' : '     '}${advice}`);
  lines.push(`  more: ${errorsPage()}#${error.code.toLowerCase()}`);
  return {
    text: `${lines.join('\n')}\n`,
    exitCode: error.code === 'INTERRUPTED' ? 130 : error.exitCode,
    json: {
      error: {
        code: error.code,
        message: error.message,
        tried: error.tried,
        ...(error.step ? { step: error.step.name } : {}),
        ...(error.reason ? { cause: error.reason } : {}),
        ...(error.advice.length ? { advice: error.advice } : {}),
        ...(error.logLines.length ? { logLines: error.logLines } : {}),
      },
    },
  };
};
