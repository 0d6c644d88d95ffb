import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { writeAtomically } from '../local/local-host.ts';

export interface CompressedFile {
  /** Of the file itself, as sha256sum prints it. */
  digest: string;
  /** gzip. */
  path: string;
}

/** Files that are kept; the ones used longest ago go first. */
const KEPT = 12;
/** What was used since may be about to be sent by another process, or be in the making: such files stay, however many they are. */
const IN_USE_MS = 3_600_000;
/** Level 6 takes three times as long for a tenth less. */
const LEVEL = 2;

const underWay = new Map<string, Promise<CompressedFile>>();

/**
 * A file of this computer as it is sent: compressed once, whatever the number of hosts, and kept in ~/.cache/slipway for the next time. What is
 * kept stands for the path, size, time and inode that it was made from. Several processes share the folder, and any of them may be killed.
 */
export const compressedFile = async (path: string): Promise<CompressedFile> => {
  const { size, mtimeMs, ino } = await stat(path);
  const key = createHash('sha256').update(`${path} ${size} ${mtimeMs} ${ino} ${LEVEL}`).digest('hex').slice(0, 32);
  const there = underWay.get(key);
  if (there) return there;
  const made = keep(path, key);
  underWay.set(key, made);
  // A failure is told to those who wait for it; the next one tries again.
  made.catch(() => underWay.delete(key));
  return made;
};

const keep = async (path: string, key: string): Promise<CompressedFile> => {
  const folder = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'slipway', 'compressed');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const [kept, digestFile] = [join(folder, `${key}.gz`), join(folder, `${key}.sha256`)];
  const digest = await readFile(digestFile, 'utf8').catch(() => undefined);
  if (digest && (await stat(kept).catch(() => undefined))) {
    // It may be gone again: what is open is sent all the same.
    await utimes(digestFile, new Date(), new Date()).catch(() => {});
    return { digest, path: kept };
  }
  // A process number would not do: that of a container is somebody else's here.
  const beside = `${kept}.${randomBytes(4).toString('hex')}`;
  const hash = createHash('sha256');
  const hashing = new Transform({
    transform: (chunk: Buffer, _, done) => {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  try {
    const source = createReadStream(path, { highWaterMark: 1 << 20 });
    await pipeline(source, hashing, createGzip({ level: LEVEL, chunkSize: 1 << 18 }), createWriteStream(beside, { mode: 0o600 }));
    const computed = hash.digest('hex');
    await rename(beside, kept);
    await writeAtomically(digestFile, computed, 0o600);
    await prune(folder);
    return { digest: computed, path: kept };
  } finally {
    await rm(beside, { force: true });
  }
};

/** What another process removes at the same time is as well removed. */
const prune = async (folder: string): Promise<void> => {
  const names = await readdir(folder);
  const found = await Promise.all(
    names.map(async (name) => ({
      name,
      usedAt: (await stat(join(folder, name)).catch(() => undefined))?.mtimeMs ?? Number.POSITIVE_INFINITY,
    })),
  );
  const idle = found.filter(({ usedAt }) => Date.now() - usedAt > IN_USE_MS);
  const keysByUse = found
    .filter(({ name }) => name.endsWith('.sha256'))
    .toSorted((one, other) => other.usedAt - one.usedAt)
    .map(({ name }) => name.slice(0, -'.sha256'.length));
  const kept = new Set(keysByUse.slice(0, KEPT));
  const inUse = new Set(found.filter((file) => !idle.includes(file)).map(({ name }) => keyOf(name)));
  await Promise.all(
    idle
      .filter(({ name }) => !inUse.has(keyOf(name)) && !(kept.has(keyOf(name)) && /\.(gz|sha256)$/.test(name)))
      .map(({ name }) => rm(join(folder, name), { force: true })),
  );
};

const keyOf = (name: string): string => name.split('.')[0] ?? '';
