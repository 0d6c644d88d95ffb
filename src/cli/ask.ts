import { CommandError } from './errors.ts';
import type { Io } from './io.ts';
import { openPrompts } from './prompts.ts';

/**
 * Asks for a word to be typed, as consent to something that cannot be taken back. Only for a person: the caller has looked at
 * `io.interactive`. Throws CommandError (exit code 130) at Ctrl-C.
 */
export const askToType = async (word: string, { message, io }: { message: string; io: Io }): Promise<void> => {
  const prompts = await openPrompts(io);
  await prompts.text(message, {
    validate: (typed) => typed.trim() === word || `Type ${word} to go on, or press Ctrl-C to leave all as it is`,
  });
};

/** Asks for the password that sudo wants on hosts; what is typed is not shown. Throws CommandError off a terminal. */
export const askSudoPassword = async (io: Io): Promise<string> => {
  if (!io.interactive)
    throw new CommandError('--ask-sudo-password needs a terminal: SLIPWAY_SUDO_PASSWORD_FILE names a file of mode 0600 instead', {
      exitCode: 2,
    });
  return (await openPrompts(io)).secret('Password for sudo on the hosts');
};
