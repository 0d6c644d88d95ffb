import { readFileSync } from 'node:fs';
import { mkdir, realpath, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { waitForLock } from '../../base/io/process-lock.ts';
import { runProcess } from '../../hosts/local/run-process.ts';

const LOCK_WAIT_MS = 20_000;
const WHERE = { where: 'this host' };

/** Where runc takes the root of every node of an installation from. */
export const rootfsIn = (runFolder: string): string => join(runFolder, 'rootfs');

/** Binds this host's root there, once for all clusters that are made at the same time. */
export const bindRoot = (runFolder: string): Promise<void> =>
  alone(runFolder, async () => {
    const rootfs = rootfsIn(runFolder);
    await mkdir(rootfs, { recursive: true, mode: 0o700 });
    if (mountsOn(await realpath(rootfs)) === 0) await runProcess(['mount', '--bind', '--make-private', '/', rootfs], WHERE);
  });

/**
 * Undoes that, and removes the folder, unless somebody uses it by now. Whatever is bound there is the host itself: the folder is removed only
 * when it is empty, and the rest of the run folder only after it.
 */
export const releaseRoot = (runFolder: string, { isUsed }: { isUsed: () => Promise<boolean> }): Promise<void> =>
  alone(runFolder, async () => {
    if (await isUsed()) return;
    const rootfs = rootfsIn(runFolder);
    const path = await realpath(rootfs).catch(() => undefined);
    if (path !== undefined) {
      // An interrupted run, or an earlier version, may have bound it more than once.
      for (let mounts = mountsOn(path); mounts > 0; mounts -= 1) await runProcess(['umount', rootfs], WHERE);
      await rmdir(rootfs);
    }
    await rm(runFolder, { recursive: true, force: true, maxRetries: 3 });
  });

const alone = async (runFolder: string, work: () => Promise<void>): Promise<void> => {
  const path = `${runFolder}.lock`;
  await mkdir(dirname(path), { recursive: true });
  const lock = await waitForLock(path, { withinMs: LOCK_WAIT_MS });
  if (!('release' in lock))
    throw new SlipwayError('STATE_LOCKED', {
      tried: `change what is bound in ${runFolder}`,
      cause: `another slipway${lock.holder ? ` (process ${lock.holder})` : ''} holds ${path}`,
      advice: [`rm ${path}`],
    });
  try {
    await work();
  } finally {
    lock.release();
  }
};

/** How many mounts lie on each other there. */
export const mountsOn = (path: string, mountinfo = readFileSync('/proc/self/mountinfo', 'utf8')): number =>
  mountinfo.split('\n').filter((line) => unescaped(line.split(' ')[4] ?? '') === path).length;

/** The kernel writes blanks, tabs, newlines and backslashes as octal numbers. */
const unescaped = (path: string): string =>
  path.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
