import { stripVTControlCharacters } from 'node:util';
import { DefaultRenderer, Listr, ListrLogger, type ListrTask, ProcessOutput } from 'listr2';
import type { ProgressEvent } from '../../base/progress.ts';
import type { Io } from '../io.ts';

/** Progress as listr2 draws it on a terminal. Importing this file loads listr2: only followJob does, and only for a terminal. */
export interface TaskList {
  show(event: ProgressEvent): void;
  /** Leaves the finished list on the terminal; steps that have not ended are marked as stopped. */
  end(): Promise<void>;
}

/** listr2 looks at stdout to see whether it may draw; we draw on stderr, and the caller has looked. */
class StderrRenderer extends DefaultRenderer {
  static override nonTTY = true;
}

type DrawnTask = ListrTask<unknown, typeof StderrRenderer>;
type Handle = Parameters<DrawnTask['task']>[1];

interface Row {
  title: string;
  /** What it is about just now. */
  detail: string;
  /** Why it is not done. */
  skipped: string | undefined;
  /** listr2's side of it, from when that has begun. */
  handle: Handle | undefined;
  readonly finished: PromiseWithResolvers<void>;
  /** The row below; nothing when the job is over. */
  readonly next: PromiseWithResolvers<Row | undefined>;
}

/** Starts drawing. Whatever is written to stderr meanwhile is shown below the list, and stays there. */
export const openTaskList = (io: Io): TaskList => {
  const rows = new Map<string, Row>();
  const first = Promise.withResolvers<Row | undefined>();
  const over = Promise.withResolvers<void>();
  let tail = first;
  let said: Handle | undefined;

  const output = new StderrOutput(io.stderr, (text) => {
    if (said) said.output = text;
  });
  const messages: DrawnTask = {
    rendererOptions: { bottomBar: Number.POSITIVE_INFINITY, persistentOutput: true },
    task: (_, handle) => {
      said = handle;
      return over.promise;
    },
  };
  const options = { concurrent: true, exitOnError: false } as const;
  const list = new Listr<unknown, typeof StderrRenderer>([messages, rowsFrom(first.promise)], {
    ...options,
    renderer: StderrRenderer,
    rendererOptions: { formatOutput: 'truncate', logger: new ListrLogger({ processOutput: output }) },
    // Ctrl-C is the command's: it stops the job, whose steps then say so.
    registerSignalListeners: false,
  });
  const drawn = list.run();

  const add = (key: string, title: string, skipped?: string): void => {
    const row = {
      title,
      detail: '',
      skipped,
      handle: undefined,
      finished: Promise.withResolvers<void>(),
      next: Promise.withResolvers<Row | undefined>(),
    };
    // It may fail before listr2 looks at it.
    row.finished.promise.catch(() => {});
    rows.set(key, row);
    tail.resolve(row);
    tail = row.next;
  };

  return {
    show(event) {
      if (!('step' in event)) {
        io.err(`${event.type === 'warning' ? 'warning: ' : ''}${event.message}\n`);
        return;
      }
      const where = event.node ? ` on ${event.node}` : '';
      const key = event.step + where;
      const row = rows.get(key);
      if (event.type === 'step-started') add(key, event.title + where);
      else if (event.type === 'step-skipped') add(key, event.title + where, `${event.title}${where}: ${event.reason}`);
      else if (!row) return;
      else if (event.type === 'step-detail') {
        row.detail = event.detail;
        if (row.handle) row.handle.output = row.detail;
      } else if (event.type === 'step-failed') row.finished.reject(new Error(`${row.title}: ${event.reason}`));
      else {
        const seconds = event.milliseconds ? ` (${(event.milliseconds / 1000).toFixed(2)} s)` : '';
        row.title += `${event.changed ? '' : ': unchanged'}${seconds}`;
        if (row.handle) row.handle.title = row.title;
        row.finished.resolve();
      }
    },
    async end() {
      for (const row of rows.values()) row.finished.reject(new Error(`${row.title}: stopped`));
      tail.resolve(undefined);
      over.resolve();
      await drawn;
    },
  };
};

/**
 * A list of one row and "the rest", which waits for the next row: listr2 runs the tasks that a list has when it starts, and rows
 * become known one by one. Tasks without a title draw nothing but their lists, at their own level.
 */
const rowsFrom = (coming: Promise<Row | undefined>): DrawnTask => ({
  task: async (_, handle) => {
    const row = await coming;
    return row && handle.newListr([taskOf(row), rowsFrom(row.next.promise)], { concurrent: true, exitOnError: false });
  },
});

const taskOf = (row: Row): DrawnTask => ({
  title: row.title,
  ...(row.skipped ? { skip: row.skipped } : {}),
  task: (_, handle) => {
    row.handle = handle;
    // The step may have gone on, or ended, in the meantime.
    handle.title = row.title;
    if (row.detail) handle.output = row.detail;
    return row.finished.promise;
  },
});

/** The terminal while it is drawn on: texts of others (a warning, Ctrl-C's answer) are handed over instead of spoiling the drawing. */
class StderrOutput extends ProcessOutput {
  readonly #stderr: NodeJS.WriteStream;
  readonly #onText: (text: string) => void;
  readonly #write: (text: string) => void;
  // Also when a second Ctrl-C ends the program at once.
  readonly #showCursor = (): void => this.#write('\u001b[?25h');

  constructor(stderr: NodeJS.WriteStream, onText: (text: string) => void) {
    super(stderr, stderr);
    this.#stderr = stderr;
    this.#onText = onText;
    const write = stderr.write.bind(stderr);
    this.#write = (text) => void write(text);
  }

  override hijack(): void {
    super.hijack();
    process.once('exit', this.#showCursor);
    this.#stderr.write = (data: string | Uint8Array) => {
      const text = String(data);
      // Bare control codes are listr2's own, for the cursor.
      if (stripVTControlCharacters(text).trim()) this.#onText(text.trim());
      else this.#write(text);
      return true;
    };
  }

  override release(): void {
    super.release();
    process.removeListener('exit', this.#showCursor);
  }
}
