import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { ClusterWishes } from '../spec/cluster-spec.ts';
import type { ClusterFile } from './cluster-file.ts';
import { readClusterFile } from './read-cluster-file.ts';

export interface LoadedFile {
  /** What `up` is called with. */
  wishes: ClusterWishes & { file: { content: ClusterFile; folder: string } };
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
  const name = path === '-' ? 'stdin' : path;
  const bytes =
    path === '-'
      ? await readStdin(stdin)
      : await readFile(path).catch((error: NodeJS.ErrnoException) => {
          const cause = error.code === 'ENOENT' ? 'there is no such file' : error;
          throw new SlipwayError('CONFIG_INVALID', { tried: `read the cluster file ${path}`, cause, advice: [`slipway init -o ${path}`] });
        });
  if (bytes.length > MAX_BYTES)
    throw new SlipwayError('CONFIG_INVALID', { tried: `read the cluster file ${name}`, cause: `it has more than ${MAX_BYTES} bytes` });
  const { file, overrides } = readClusterFile(bytes.toString('utf8'), name, flags);
  const folder = path === '-' ? process.cwd() : dirname(resolve(path));
  return { wishes: { name: file.metadata.name, file: { content: file, folder } }, overrides };
};

const readStdin = async (stdin: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of stdin) {
    parts.push(part);
    size += part.length;
    if (size > MAX_BYTES) break;
  }
  return Buffer.concat(parts);
};
