import { readdir, readFile, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** Mount points of all control-group hierarchies: one with cgroup v2, one per controller with v1 and hybrid. */
export const controlGroupMounts = async (): Promise<string[]> => {
  const mountinfo = await readFile('/proc/self/mountinfo', 'utf8');
  const points = mountinfo
    .split('\n')
    .filter((line) => / - cgroup2? /.test(line))
    .map((line) => line.split(' ')[4] ?? '');
  return [...new Set(points)];
};

/**
 * Removes a group with all groups below it, in every hierarchy. Only empty ones can be removed: the kernel needs a moment after the
 * last process, so it is tried again for up to `patienceMs`.
 */
export const removeControlGroup = async (path: string, options: { patienceMs: number }): Promise<void> => {
  const deadline = Date.now() + options.patienceMs;
  await Promise.all(
    (await controlGroupMounts()).map(async (mount) => {
      while (!(await removeTree(join(mount, path)))) {
        if (Date.now() > deadline) return;
        await delay(20);
      }
    }),
  );
};

const removeTree = async (folder: string): Promise<boolean> => {
  const below = await readdir(folder, { withFileTypes: true }).catch(() => undefined);
  if (!below) return true;
  const removed = await Promise.all(below.filter((entry) => entry.isDirectory()).map((entry) => removeTree(join(folder, entry.name))));
  if (removed.includes(false)) return false;
  try {
    await rmdir(folder);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
};
