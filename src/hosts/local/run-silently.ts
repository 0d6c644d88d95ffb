import { spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { CLEAN_ENVIRONMENT } from './run-process.ts';

/**
 * Runs a program that leaves others behind, which keep its output: so it goes to a file (closed here), and the program's own end is
 * waited for, not that of the file.
 */
export const runSilently = async (
  command: readonly string[],
  options: { output: number; where: string; signal?: AbortSignal },
): Promise<void> => {
  const [program = '', ...args] = command;
  try {
    const child = spawn(program, args, {
      stdio: ['ignore', options.output, options.output],
      env: CLEAN_ENVIRONMENT,
      cwd: '/',
      signal: options.signal,
    });
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', resolve);
    });
    if (code !== 0)
      throw new SlipwayError('COMMAND_FAILED', {
        tried: `run \`${command.join(' ')}\` on ${options.where}`,
        cause: `it ended with exit code ${code}`,
      });
  } finally {
    closeSync(options.output);
  }
};
