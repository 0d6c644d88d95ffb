import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

export interface CompressedFile {
  /** Of the file itself, as sha256sum prints it. */
  digest: string;
  /** gzip. */
  path: string;
}

/** Files that are kept; the ones used longest ago go first. */
const KEPT = 12;
/** Level 6 takes three times as long for a tenth less. */
const LEVEL = 2;

const underWay = new Map<string, Promise<CompressedFile>>();

/**
 * A file of this computer as it is sent: compressed once, whatever the number of hosts, and kept in ~/.cache/slipway for the next time. What is
 * kept stands for the path, size, time and inode that it was made from.
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
    await utimes(digestFile, new Date(), new Date());
    return { digest, path: kept };
  }
  const beside = `${kept}.${process.pid}`;
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
    await writeFile(digestFile, computed, { mode: 0o600 });
    await prune(folder);
    return { digest: computed, path: kept };
  } finally {
    await rm(beside, { force: true });
  }
};

const prune = async (folder: string): Promise<void> => {
  const keys = (await readdir(folder)).filter((name) => name.endsWith('.sha256')).map((name) => name.slice(0, -'.sha256'.length));
  const used = await Promise.all(keys.map(async (key) => ({ key, at: (await stat(join(folder, `${key}.sha256`))).mtimeMs })));
  const old = used.toSorted((one, other) => other.at - one.at).slice(KEPT);
  await Promise.all(old.flatMap(({ key }) => ['sha256', 'gz'].map((suffix) => rm(join(folder, `${key}.${suffix}`), { force: true }))));
};
