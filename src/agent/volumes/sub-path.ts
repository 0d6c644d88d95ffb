import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { chmod, type FileHandle, lstat, mkdir, open, realpath, rmdir, unlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { isMounted } from './mount-points.ts';

const run = promisify(execFile);

/** Names a file without opening what is in it; Node has no constant for it. */
const O_PATH = 0o10_000_000;

/**
 * Shows one file or directory of a volume at `target`, for a container to mount. What is missing is made as a directory.
 *
 * Containers may write to the volume at the same time. So the way is walked one segment after another without following links, each
 * looked up in the directory that is held open, and it is the open file that is bound: a link that is put there later leads nowhere.
 * Links that are there already are followed, if they stay in the volume. Rejects with a reason that fits an event.
 */
export const bindSubPath = async (volumePath: string, subPath: string, target: string): Promise<void> => {
  const root = await realpath(volumePath);
  const { existing, missing } = await splitAtMissing(root, subPath);
  if (existing !== root && !existing.startsWith(`${root}/`)) throw new Error(`subPath "${subPath}" leads out of its volume`);
  const segments = [...relative(root, existing).split('/'), ...missing].filter(Boolean);
  const found = await walk(root, segments);
  try {
    await clearTarget(target);
    await layTarget(target, (await found.stat()).isDirectory());
    // Canonicalizing would make a path of the open file again.
    await run('mount', ['--no-canonicalize', '--bind', `/proc/${process.pid}/fd/${found.fd}`, target]);
  } finally {
    await found.close();
  }
};

/** The real path of as much as is there, and the names below it that are not. */
const splitAtMissing = async (root: string, subPath: string): Promise<{ existing: string; missing: string[] }> => {
  const segments = subPath.split('/').filter((segment) => segment && segment !== '.');
  for (let count = segments.length; count > 0; count--) {
    const existing = await realpath(join(root, ...segments.slice(0, count))).catch(ignoreMissing);
    if (existing !== undefined) return { existing, missing: segments.slice(count) };
  }
  return { existing: root, missing: segments };
};

const walk = async (root: string, segments: readonly string[]): Promise<FileHandle> => {
  const flags = O_PATH | constants.O_NOFOLLOW;
  let current = await open(root, flags);
  try {
    const { mode } = await current.stat();
    for (const segment of segments) {
      const path = `/proc/self/fd/${current.fd}/${segment}`;
      let next = await open(path, flags).catch(ignoreMissing);
      if (!next) {
        await mkdir(path);
        next = await open(path, flags);
        await chmod(`/proc/self/fd/${next.fd}`, mode & 0o7777);
      }
      await current.close();
      current = next;
      if ((await current.stat()).isSymbolicLink()) throw new Error(`subPath changed while it was looked up: "${segment}" is a link`);
    }
    return current;
  } catch (error) {
    await current.close();
    throw error;
  }
};

/** What an earlier container of the same name saw there. Only the empty place itself is removed, never what was bound to it. */
const clearTarget = async (target: string): Promise<void> => {
  if (!(await lstat(target).catch(ignoreMissing))) return;
  if (await isMounted(target)) await run('umount', ['-l', target]);
  await ((await lstat(target)).isDirectory() ? rmdir(target) : unlink(target));
};

const layTarget = async (target: string, isDirectory: boolean): Promise<void> => {
  await mkdir(isDirectory ? target : dirname(target), { recursive: true, mode: 0o750 });
  if (!isDirectory) await writeFile(target, '', { mode: 0o640 });
};

const ignoreMissing = (error: NodeJS.ErrnoException): undefined => {
  if (error.code !== 'ENOENT') throw error;
  return undefined;
};
