import { chmod, mkdir, open, readdir, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { SlipwayError } from '../base/errors/slipway-error.ts';
import { waitForLock } from '../base/io/process-lock.ts';
import { emptyKubeconfig, type Kubeconfig, kubeconfigPaths, parseKubeconfig, renderKubeconfig } from './kubeconfig.ts';

/** kubectl holds its lock for milliseconds; one of another program that stays this long was left behind by a crash. Ours tell by themselves. */
const LOCK_WAIT_MS = 10_000;

/** Where kubectl writes new entries: the first file of $KUBECONFIG that exists, else its last one. */
export const kubeconfigFileToChange = async (env: Readonly<Record<string, string | undefined>> = process.env): Promise<string> => {
  const paths = kubeconfigPaths(env);
  for (const path of paths) if (await exists(path)) return path;
  return paths.at(-1) as string;
};

/**
 * Changes a kubeconfig file under kubectl's own lock (`FILE.lock`): reads it (absent: empty), applies `change` and replaces it in one
 * step. A new file is private (0600); an existing one keeps its mode, and a link keeps pointing to it. Nothing is written when `change`
 * answers the same text. Throws KUBECONFIG_INVALID for a file that cannot be read (it is left as it was) and STATE_LOCKED when another
 * program keeps the lock.
 */
export const changeKubeconfigFile = async (path: string, change: (config: Kubeconfig) => Kubeconfig): Promise<{ changed: boolean }> => {
  const target = await realpath(path).catch(() => path);
  await mkdir(dirname(target), { recursive: true, mode: 0o700 });
  const release = await takeLock(`${target}.lock`, path);
  try {
    await removeHalfWritten(target);
    const before = await readFile(target, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw new SlipwayError('KUBECONFIG_INVALID', { tried: `read ${path}`, cause: error });
    });
    const after = renderKubeconfig(change(before === undefined ? emptyKubeconfig() : parseKubeconfig(before, target)));
    if (after === before) return { changed: false };
    await replaceFile(target, after);
    return { changed: true };
  } finally {
    release();
  }
};

export type KubeconfigChange = (config: Kubeconfig) => Kubeconfig;

/** Whether `change` would write anything to the user's kubeconfig. Throws KUBECONFIG_INVALID. */
export const wouldChangeKubeconfigFile = async (change: KubeconfigChange): Promise<{ path: string; changed: boolean }> => {
  const path = await kubeconfigFileToChange();
  const before = await readFile(path, 'utf8').catch(() => undefined);
  const after = renderKubeconfig(change(before === undefined ? emptyKubeconfig() : parseKubeconfig(before, path)));
  return { path, changed: after !== before };
};

/** Who holds the lock is the only one to write beside the file: what lies there was left by a process that was killed, and has keys in it. */
const removeHalfWritten = async (target: string): Promise<void> => {
  const folder = dirname(target);
  const left = (await readdir(folder)).filter((name) => name.startsWith(`${basename(target)}.`) && /\.\d+\.new$/.test(name));
  await Promise.all(left.map((name) => rm(join(folder, name), { force: true })));
};

const replaceFile = async (target: string, text: string): Promise<void> => {
  const mode = await stat(target).then(
    (found) => found.mode & 0o777,
    () => 0o600,
  );
  const beside = `${target}.${process.pid}.new`;
  try {
    const file = await open(beside, 'w', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await chmod(beside, mode);
    await rename(beside, target);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
};

const takeLock = async (lockPath: string, path: string): Promise<() => void> => {
  const lock = await waitForLock(lockPath, { withinMs: LOCK_WAIT_MS });
  if ('release' in lock) return lock.release;
  throw new SlipwayError('STATE_LOCKED', {
    tried: `change ${path}`,
    cause: `another program${lock.holder ? ` (process ${lock.holder})` : ''} holds ${lockPath}`,
    advice: [`rm ${lockPath}`],
  });
};

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
