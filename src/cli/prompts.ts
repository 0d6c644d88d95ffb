import { CommandError } from './errors.ts';
import type { Io } from './io.ts';

/** Questions to a person, on stderr: stdout is for results. Every one throws CommandError (exit code 130) at Ctrl-C. */
export interface Prompts {
  text(message: string, options?: { default?: string; validate?: (text: string) => true | string }): Promise<string>;
  /** What is typed is not shown. */
  secret(message: string): Promise<string>;
  /** Of several, each with a line that is shown while it is pointed at. */
  choose(message: string, choices: readonly Choice[], options?: { default?: string | undefined }): Promise<string>;
  /** Any of several. */
  check(message: string, choices: readonly (Choice & { checked?: boolean })[]): Promise<string[]>;
  yes(message: string, options: { default: boolean }): Promise<boolean>;
}

export interface Choice {
  value: string;
  name: string;
  description?: string;
}

/** Only for a person: the caller has looked at `io.interactive`. inquirer is loaded here, when there is something to ask. */
export const openPrompts = async (io: Io): Promise<Prompts> => {
  const { default: inquirer } = await import('inquirer');
  const prompt = inquirer.createPromptModule({ input: io.stdin, output: io.stderr });
  const ask = async <T>(question: object): Promise<T> => {
    try {
      return ((await prompt([{ name: 'answer', ...question }] as never)) as { answer: T }).answer;
    } catch (error) {
      if (error instanceof Error && error.name === 'ExitPromptError')
        throw new CommandError('stopped: nothing was changed', { exitCode: 130, cause: error });
      throw error;
    }
  };
  return {
    text: async (message, options) => (await ask<string>({ type: 'input', message, ...options })).trim(),
    secret: (message) => ask<string>({ type: 'password', message }),
    choose: (message, choices, options) => ask({ type: 'select', message, choices: [...choices], ...options }),
    check: (message, choices) => ask({ type: 'checkbox', message, choices: [...choices] }),
    yes: (message, options) => ask({ type: 'confirm', message, ...options }),
  };
};
