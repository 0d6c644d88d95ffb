import { chmod, chown, lstat, mkdir, readdir, readFile, readlink, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export interface ProjectedFile {
  data: Buffer;
  mode: number;
  /** Owner, where it is not root. */
  uid?: number;
}

export type Payload = ReadonlyMap<string, ProjectedFile>;

const DATA = '..data';
const DATA_NEW = '..data_tmp';

/**
 * Shows a set of files in a directory so that a reader sees the old set or the new one, never a mixture:
 *
 *   token -> ..data/token      ..data -> ..2026_11_21_01_02_03.456      the dated directory holds the files
 *
 * Answers whether anything changed. Paths are relative and stay inside; the caller has checked that.
 */
export const writeAtomically = async (target: string, payload: Payload, options: { gid?: number; now: number }): Promise<boolean> => {
  await mkdir(target, { recursive: true, mode: 0o755 });
  const current = await readlink(join(target, DATA)).catch(() => undefined);
  if (current && (await isSame(join(target, current), payload))) return false;

  const stamp = new Date(options.now).toISOString().replace(/[-:T]/g, '_').replace('Z', '');
  const fresh = `..${stamp}.${Math.floor(Math.random() * 1e9)}`;
  await mkdir(join(target, fresh), { mode: 0o755 });
  await chmod(join(target, fresh), 0o755);
  for (const [path, file] of payload) {
    const full = join(target, fresh, path);
    await mkdir(dirname(full), { recursive: true, mode: 0o755 });
    await writeFile(full, file.data);
    // Group members of the pod's fsGroup can read what the owner can.
    const mode = options.gid === undefined ? file.mode : file.mode | 0o440;
    await chmod(full, mode);
    if (file.uid !== undefined || options.gid !== undefined) await chown(full, file.uid ?? 0, options.gid ?? 0);
  }
  await rm(join(target, DATA_NEW), { force: true });
  await symlink(fresh, join(target, DATA_NEW));
  await rename(join(target, DATA_NEW), join(target, DATA));
  await linkTopLevel(target, payload);
  for (const name of await readdir(target))
    if (name.startsWith('..') && name !== DATA && name !== fresh) await rm(join(target, name), { recursive: true, force: true });
  return true;
};

const linkTopLevel = async (target: string, payload: Payload): Promise<void> => {
  const wanted = new Set([...payload.keys()].map((path) => path.split('/')[0] as string));
  for (const name of await readdir(target))
    if (!name.startsWith('..') && !wanted.has(name) && (await lstat(join(target, name))).isSymbolicLink()) await unlink(join(target, name));
  for (const name of wanted) {
    const link = join(target, name);
    const points = await readlink(link).catch(() => undefined);
    if (points === join(DATA, name)) continue;
    await rm(link, { recursive: true, force: true });
    await symlink(join(DATA, name), link);
  }
};

const isSame = async (directory: string, payload: Payload): Promise<boolean> => {
  const present = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => undefined);
  if (!present) return false;
  const files = present.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1));
  if (files.length !== payload.size || files.some((file) => !payload.has(file))) return false;
  for (const [path, file] of payload) if (!(await readFile(join(directory, path))).equals(file.data)) return false;
  return true;
};
