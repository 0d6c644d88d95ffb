import { createReadStream, createWriteStream } from 'node:fs';
import { lstat, mkdir, readdir, readlink } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { extract, type Pack, pack } from 'tar-stream';
import { CommandError } from '../errors.ts';

/** A tar of a local file or folder, named `as` inside. Throws CommandError when it is not there. */
export const packLocal = async (path: string, as: string): Promise<Pack> => {
  await lstat(path).catch((error: Error) => {
    throw new CommandError(`${path} doesn't exist in local filesystem`, { cause: error });
  });
  const archive = pack();
  addTo(archive, path, as).then(
    () => archive.finalize(),
    (error: Error) => archive.destroy(error),
  );
  return archive;
};

const addTo = async (archive: Pack, path: string, name: string): Promise<void> => {
  const found = await lstat(path);
  const header = { name, mode: found.mode & 0o7777, mtime: found.mtime };
  if (found.isDirectory()) {
    archive.entry({ ...header, type: 'directory' });
    for (const entry of await readdir(path)) await addTo(archive, join(path, entry), `${name}/${entry}`);
  } else if (found.isSymbolicLink()) archive.entry({ ...header, type: 'symlink', linkname: await readlink(path) });
  else if (found.isFile()) await pipeline(createReadStream(path), archive.entry({ ...header, size: found.size }));
};

/**
 * Writes a tar that a container sent: entry `remote` (a file or a folder) becomes `target`. What would land outside of the target, or
 * link out of it, is left out and told: the container is not trusted with this machine.
 */
export const unpackRemote = async (
  source: NodeJS.ReadableStream,
  options: { remote: string; target: string; warn: (text: string) => void },
): Promise<number> => {
  const { remote, target, warn } = options;
  const prefix = remote.replace(/^\/+/, '').replace(/\/+$/, '');
  const root = resolve(target);
  const reader = extract();
  source.on('error', (error) => reader.destroy(error));
  source.pipe(reader);
  let files = 0;
  for await (const entry of reader) {
    const name = entry.header.name.replace(/^(\.?\/)+/, '').replace(/\/+$/, '');
    const inside = name === prefix ? '' : name.startsWith(`${prefix}/`) ? name.slice(prefix.length + 1) : undefined;
    const path = inside === undefined ? undefined : inside === '' ? root : resolve(root, inside);
    if (path === undefined || (path !== root && !path.startsWith(root + sep))) {
      warn(`warning: file ${JSON.stringify(entry.header.name)} is outside target destination, skipping`);
      entry.resume();
      continue;
    }
    if (entry.header.type === 'directory') {
      await mkdir(path, { recursive: true });
      entry.resume();
    } else if (entry.header.type === 'file') {
      await mkdir(dirname(path), { recursive: true });
      await pipeline(entry as AsyncIterable<Buffer>, createWriteStream(path, { mode: entry.header.mode ?? 0o644 }));
      files += 1;
    } else {
      if (entry.header.type === 'symlink')
        warn(`warning: skipping symlink: ${JSON.stringify(entry.header.name)} -> ${JSON.stringify(entry.header.linkname)}`);
      entry.resume();
    }
  }
  return files;
};
