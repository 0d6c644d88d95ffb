import { CommandError } from './errors.ts';
import type { Io } from './io.ts';

/**
 * Asks for a word to be typed, as consent to something that cannot be taken back. Only for a person: the caller has looked at
 * `io.interactive`. Throws CommandError (exit code 130) at Ctrl-C. Asks on stderr: stdout is for results.
 */
export const askToType = async (word: string, { message, io }: { message: string; io: Io }): Promise<void> => {
  const { default: inquirer } = await import('inquirer');
  const prompt = inquirer.createPromptModule({ input: io.stdin, output: io.stderr });
  const validate = (typed: string): true | string =>
    typed.trim() === word || `Type ${word} to go on, or press Ctrl-C to leave all as it is`;
  try {
    await prompt([{ type: 'input', name: 'typed', message, validate }]);
  } catch (error) {
    if (error instanceof Error && error.name === 'ExitPromptError')
      throw new CommandError('stopped: nothing was changed', { exitCode: 130, cause: error });
    throw error;
  }
};
