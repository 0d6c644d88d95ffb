import { createReadStream } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { ClusterWishes, WishedFile } from '../spec/cluster-spec.ts';
import { readClusterFile, STDIN } from './read-cluster-file.ts';

export interface LoadedFile {
  /** What `up` is called with. */
  wishes: ClusterWishes & { file: WishedFile };
  /** A sentence for each thing of the file that the command line overrides. */
  overrides: string[];
}

/** A cluster file is a page or two. */
const MAX_BYTES = 1 << 20;

/** Reads the file of `-f`; `-` is stdin. Throws CONFIG_INVALID. */
export const loadClusterFile = async (
  path: string,
  { flags, stdin }: { flags: Partial<ClusterWishes>; stdin: AsyncIterable<Uint8Array> },
): Promise<LoadedFile> => {
  const name = path === '-' ? STDIN : path;
  if (/^https?:\/\//.test(path))
    throw unreadable(path, 'a cluster file is one of this computer, not a URL', [`curl -fsSL ${path} | slipway plan -f -`]);
  const bytes = await readBounded(path === '-' ? stdin : createReadStream(path)).catch((error: NodeJS.ErrnoException) => {
    const { cause, advice } = WORDS[error.code ?? '']?.(path) ?? { cause: error, advice: [`ls -l ${path}`] };
    throw unreadable(path, cause, advice);
  });
  if (bytes.length > MAX_BYTES) throw unreadable(name, `it has more than ${MAX_BYTES} bytes, and a cluster file is a page or two`, []);
  const { file, overrides, refuse } = readClusterFile(textOf(bytes, name), name, flags);
  const folder = path === '-' ? process.cwd() : dirname(resolve(path));
  return { wishes: { name: file.metadata.name, file: { content: file, folder, refuse } }, overrides };
};

const WORDS: Readonly<Record<string, (path: string) => { cause: string; advice: readonly string[] }>> = {
  ENOENT: (path) => ({ cause: 'there is no such file', advice: [`slipway init -o ${path}`] }),
  EISDIR: (path) => ({
    cause: 'it is a folder: name the file in it',
    advice: [`ls ${path}`, `slipway plan -f ${path.replace(/\/+$/, '')}/cluster.yaml`],
  }),
};

const unreadable = (name: string, cause: string | Error, advice: readonly string[]): SlipwayError =>
  new SlipwayError('CONFIG_INVALID', { tried: `read the cluster file ${name}`, cause, advice });

/** One byte more than may be tells that there is more: a device or a pipe may have no end. */
const readBounded = async (stream: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of stream) {
    parts.push(part);
    size += part.length;
    if (size > MAX_BYTES) break;
  }
  return Buffer.concat(parts);
};

const textOf = (bytes: Buffer, name: string): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    const isUtf16 = ['fffe', 'feff'].includes(bytes.subarray(0, 2).toString('hex'));
    throw unreadable(name, `it is ${isUtf16 ? 'UTF-16' : 'not UTF-8'}, and a cluster file is UTF-8`, [
      `iconv -f ${isUtf16 ? 'UTF-16' : 'LATIN1'} -t UTF-8 ${name} > utf8.yaml`,
    ]);
  }
};
