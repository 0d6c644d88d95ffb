/** A real terminal for tests: programs in windows of a tmux of the test's own, and what a person would see there. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './until.ts';

/** For `test(..., { skip: noTerminal })`. */
export const noTerminal: string | false = spawnSync('tmux', ['-V']).error ? 'needs tmux' : false;

export interface Window {
  /** Its text, without spaces and empty lines at the end. */
  screen(): string;
  shows(pattern: RegExp): Promise<void>;
  /** Keys as tmux names them (`Enter`, `C-c`), or text. */
  type(...keys: string[]): void;
  resize(size: { columns: number; rows: number }): void;
}

export interface Terminal {
  /** Runs a shell command; when it has ended, the window shows `exit code N`. */
  open(command: string, size?: { columns: number; rows: number }): Window;
  close(): void;
}

export const startTerminal = (): Terminal => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-terminal-'));
  const tmux = (...args: string[]): string =>
    execFileSync('tmux', ['-S', join(folder, 'socket'), '-f', '/dev/null', ...args], { encoding: 'utf8' });
  let windows = 0;
  return {
    open: (command, { columns, rows } = { columns: 70, rows: 20 }) => {
      windows += 1;
      const name = `window-${windows}`;
      // What a test runner sets in the environment must not decide what the program shows.
      const clean = 'unset CI NO_COLOR FORCE_COLOR NODE_OPTIONS NODE_TEST_CONTEXT; export TERM=screen';
      const line = `${clean}; ${command}; echo "exit code $?"; read wait`;
      tmux('new-session', '-d', '-s', name, '-x', String(columns), '-y', String(rows), line);
      const screen = (): string => tmux('capture-pane', '-p', '-t', name).trimEnd();
      return {
        screen,
        shows: async (pattern) => {
          await until(() => pattern.test(screen()), { what: `${pattern} on the screen` }).catch((error: Error) => {
            throw new Error(`${error.message}, which is\n${screen()}`);
          });
        },
        type: (...keys) => void tmux('send-keys', '-t', name, ...keys),
        resize: (size) => void tmux('resize-window', '-t', name, '-x', String(size.columns), '-y', String(size.rows)),
      };
    },
    close: () => {
      if (windows) spawnSync('tmux', ['-S', join(folder, 'socket'), 'kill-server']);
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
