import { readFileSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';

/** A lock that is had, or the number of the process that has it; undefined where that does not say. */
export type LockAttempt = { release: () => void } | { holder: number | undefined };

/**
 * A lock between processes: a symbolic link whose target is "PID START-TIME". A link appears with its content in one step, so that no kill leaves a
 * lock of nobody, and needs no room on a full disk; to programs that make lock files (O_EXCL) it is one. A lock of a process that is gone is
 * taken over.
 */
export const tryLock = (path: string): LockAttempt => {
  const mine = `${process.pid} ${startTimeOf(process.pid)}`;
  for (let attempt = 0; attempt < 5; attempt++) {
    try {
      symlinkSync(mine, path);
      return { release: () => rmSync(path, { force: true }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const found = readLock(path);
      // Its owner let it go in this moment.
      if (found === undefined) continue;
      const [pid, startedAt] = found.split(' ');
      // Another program's: whether that still runs is not known.
      if (!pid || !startedAt) return { holder: undefined };
      if (startTimeOf(Number(pid)) === startedAt) return { holder: Number(pid) };
      takeAway(path, found);
    }
  }
  return { holder: undefined };
};

const RETRY_MS = 50;

/** The same, waiting so long for another to let it go. */
export const waitForLock = async (path: string, { withinMs }: { withinMs: number }): Promise<LockAttempt> => {
  for (const deadline = Date.now() + withinMs; ; ) {
    const lock = tryLock(path);
    if ('release' in lock || Date.now() > deadline) return lock;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
};

/** Removes the stale lock and no other: somebody may have taken it over between the look and this. */
const takeAway = (path: string, stale: string): void => {
  const aside = `${path}.${process.pid}.stale`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  const moved = readLock(aside);
  rmSync(aside, { force: true });
  if (moved === undefined || moved === stale) return;
  try {
    symlinkSync(moved, path);
  } catch {
    // A third one has locked meanwhile, and is told apart by the next look.
  }
};

/** Undefined when there is none. Other programs, and earlier versions, write a file. */
const readLock = (path: string): string | undefined => {
  try {
    return readlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') return undefined;
  }
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
};

/** Tells a process from another that got its number later; empty for one that is gone. */
const startTimeOf = (pid: number): string => {
  try {
    return (
      readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')[19] ?? ''
    );
  } catch {
    return '';
  }
};
