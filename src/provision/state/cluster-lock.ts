import { mkdirSync, readFileSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { SlipwayError } from '../../base/errors/slipway-error.ts';

/**
 * One change of a cluster at a time: `locks/NAME` is a symbolic link whose target is "PID START-TIME". A link appears with its content in one
 * step, so that no kill leaves an empty lock, and needs no room on a full disk. Throws STATE_LOCKED with the pid of the other. A lock of a process
 * that is gone is taken over.
 */
export const lockCluster = (locks: string, name: string): (() => void) => {
  mkdirSync(locks, { recursive: true, mode: 0o700 });
  const path = join(locks, name);
  const mine = `${process.pid} ${startTimeOf(process.pid)}`;
  for (let attempt = 0; attempt < 5; attempt++) {
    try {
      symlinkSync(mine, path);
      return () => rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const holder = readLock(path);
      // Its owner let it go in this moment.
      if (holder === undefined) continue;
      const [pid, startedAt] = holder.split(' ');
      if (pid && startedAt && startTimeOf(Number(pid)) === startedAt) throw locked(name, pid);
      takeAway(path, holder);
    }
  }
  throw locked(name, undefined);
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

/** Undefined when there is none. Earlier versions wrote a file. */
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

const locked = (name: string, pid: string | undefined): SlipwayError =>
  new SlipwayError('STATE_LOCKED', {
    tried: `change the cluster ${name}`,
    cause: `another slipway works on it${pid ? ` (process ${pid})` : ''}`,
    advice: pid ? [`ps -p ${pid} -o args`, 'try again when it has ended'] : ['try again'],
  });

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
