import type { Io } from '../io.ts';

const CLEAR = '\r\u001b[2K';

/** One line on a terminal that says what is being done, and is gone when it is done. Off a terminal, nothing. */
export const withStatusLine = async <T>({ stderr, env, err }: Io, work: (report: (what: string) => void) => Promise<T>): Promise<T> => {
  const isDrawn = Boolean(stderr.isTTY && stderr.columns && !env['CI'] && env['TERM'] !== 'dumb');
  const write = (text: string): void => {
    if (isDrawn) err(`${CLEAR}${text}`);
  };
  try {
    // A line that wraps could not be taken away.
    return await work((what) => write(what.length < stderr.columns ? what : `${what.slice(0, stderr.columns - 2)}…`));
  } finally {
    write('');
  }
};
