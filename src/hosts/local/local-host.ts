import { createHash, randomBytes } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { chmod, copyFile, link, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { Host, RunOptions, RunResult, ServiceManager } from '../host.ts';
import { detectServices } from '../services/detect-services.ts';
import { runProcess } from './run-process.ts';

export interface LocalHostOptions {
  name: string;
  /** Put before every command: how a sandbox is entered. None for this machine itself. */
  enter?: () => readonly string[];
  /** Where a path of the host lies in this process's file system. */
  outside?: (path: string) => string;
  services?: ServiceManager['kind'];
}

/** This machine, or a sandbox on it whose files can be reached from here. */
export const createLocalHost = async (options: LocalHostOptions): Promise<Host> => {
  const outside = options.outside ?? ((path) => path);
  const explain =
    (path: string) =>
    (error: NodeJS.ErrnoException): never => {
      if (error.code !== 'ENOSPC' && error.code !== 'EDQUOT') throw error;
      const folder = dirname(outside(path));
      throw new SlipwayError('DISK_FULL', {
        tried: `write ${path} on ${options.name}`,
        cause: `the file system of ${folder} is full (${error.code})`,
        advice: ['df -h'],
      });
    };
  const host = {
    name: options.name,
    run: async (command: readonly string[], run: RunOptions = {}): Promise<RunResult> => {
      const enter = options.enter?.() ?? [];
      // What enters a sandbox is another process than what runs in it: killed from outside, it would leave that behind.
      const bounded = enter.length && run.timeoutMs ? ['timeout', '-s', 'KILL', String(run.timeoutMs / 1000 + 1)] : [];
      return runProcess([...enter, ...bounded, ...command], { ...run, where: options.name, shown: command });
    },
    readFile: (path: string) => readIfThere(outside(path)),
    writeFile: (path: string, content: string | Uint8Array, { mode }: { mode: number }) =>
      writeAtomically(outside(path), content, mode).catch(explain(path)),
    copyFile: (from: string, path: string, { mode }: { mode: number }) => copyWhenDifferent(from, outside(path), mode).catch(explain(path)),
    close: async () => {},
  };
  return { ...host, services: await detectServices(host, options.services) };
};

/** Enters the namespaces of a sandbox by its init. Its control group is not joined: what lives on is started by the sandbox itself. */
export const enterSandbox = (pid: number): readonly string[] => [
  'nsenter',
  ...['--target', String(pid), '--mount', '--uts', '--ipc', '--net', '--pid', '--'],
];

const readIfThere = async (path: string): Promise<Buffer | undefined> => {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
};

/** Writes beside the file and renames, so that a reader sees the old content or the new, whole. */
export const writeAtomically = async (path: string, content: string | Uint8Array, mode: number): Promise<{ changed: boolean }> => {
  const wanted = Buffer.from(content);
  const [there, stats] = await Promise.all([readIfThere(path), stat(path).catch(() => undefined)]);
  if (there?.equals(wanted) && stats && (stats.mode & 0o7777) === mode) return { changed: false };
  await mkdir(dirname(path), { recursive: true });
  const beside = `${path}.${randomBytes(4).toString('hex')}`;
  try {
    await writeFile(beside, wanted, { mode });
    await chmod(beside, mode);
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
  return { changed: true };
};

/**
 * A large file is linked where both sides are on one file system, so that nodes on this machine share it on disk and in memory;
 * Slipway replaces such files by renaming, never in place.
 */
const copyWhenDifferent = async (from: string, to: string, mode: number): Promise<{ changed: boolean }> => {
  const [source, target] = await Promise.all([stat(from), stat(to).catch(() => undefined)]);
  if (target && target.ino === source.ino && target.dev === source.dev) return { changed: false };
  if (target?.size === source.size && (target.mode & 0o7777) === mode && (await sameContent(from, to))) return { changed: false };
  await mkdir(dirname(to), { recursive: true });
  const beside = `${to}.${randomBytes(4).toString('hex')}`;
  try {
    const linked =
      (source.mode & 0o7777) === mode &&
      source.uid === 0 &&
      (await link(from, beside).then(
        () => true,
        // Another file system, or one without links: copied instead.
        () => false,
      ));
    if (!linked) {
      await copyFile(from, beside, constants.COPYFILE_FICLONE);
      await chmod(beside, mode);
    }
    await rename(beside, to);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
  return { changed: true };
};

const sameContent = async (one: string, other: string): Promise<boolean> => {
  const [a, b] = await Promise.all([fileDigest(one), fileDigest(other)]);
  return a === b;
};

export const fileDigest = async (path: string): Promise<string> => {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
};
