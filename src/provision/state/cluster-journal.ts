import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Turns } from '../../base/async/turns.ts';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { Journal, JournalEntry } from '../../drivers/driver.ts';
import { unwritable } from './unwritable.ts';

interface Line extends JournalEntry {
  /** RFC 3339. */
  time: string;
  gone?: true;
}

/**
 * The journal of one cluster: `journal.jsonl` in its folder, a line a change, appended and synced before the call resolves. A last line
 * that a crash cut short is passed over: what it was to announce was not begun.
 */
export const openJournal = (folder: string): Journal => {
  const path = join(folder, 'journal.jsonl');
  /** Lines of one process do not mix. */
  const turns = new Turns(1);
  const append = (line: Line): Promise<void> =>
    turns.run(async () => {
      try {
        await appendLine(path, JSON.stringify(line));
      } catch (error) {
        throw unwritable(path, error);
      }
    });
  return {
    record: (resource) => append({ time: new Date().toISOString(), ...resource }),
    forget: ({ driver, kind, name }) =>
      append({ time: new Date().toISOString(), driver, kind, name, gone: true }).catch((error: unknown) => {
        // On a full disk clusters must be removable. An entry too many is looked for once more, and found to be gone.
        if (!(error instanceof SlipwayError)) throw error;
      }),
    entries: async () => {
      const found = new Map<string, JournalEntry>();
      for (const { time: _, gone, ...entry } of linesOf(await readFile(path, 'utf8').catch(() => ''))) {
        if (!gone) found.set(keyOf(entry), entry);
        else for (const one of found.values()) if (isSame(one, entry)) found.delete(keyOf(one));
      }
      return [...found.values()];
    },
  };
};

/** Of a machine that this client has made, or was to: the entry is made before. */
export const machineEntry = (
  entries: readonly JournalEntry[],
  { driver, name }: { driver: string; name: string },
): JournalEntry | undefined => entries.find((entry) => entry.kind === 'machine' && entry.driver === driver && entry.name === name);

/** Drivers of one cluster may call what they make by the same name. */
const keyOf = ({ driver, kind, name }: JournalEntry): string => `${driver} ${kind} ${name}`;

/** What is gone may stand there without its driver: earlier versions left that out. */
const isSame = (known: JournalEntry, gone: JournalEntry): boolean =>
  known.kind === gone.kind && known.name === gone.name && (gone.driver === '' || known.driver === gone.driver);

const appendLine = async (path: string, line: string): Promise<void> => {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const file = await open(path, 'a', 0o600);
  try {
    // Behind a line that was cut short, ours would be lost with it.
    await file.write(`${(await endsInLine(path)) ? '' : '\n'}${line}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
};

const endsInLine = async (path: string): Promise<boolean> => {
  const content = await readFile(path);
  return content.length === 0 || content.at(-1) === 0x0a;
};

const linesOf = (text: string): Line[] =>
  text.split('\n').flatMap((line) => {
    try {
      return line ? [JSON.parse(line) as Line] : [];
    } catch {
      // Cut short by a crash.
      return [];
    }
  });
