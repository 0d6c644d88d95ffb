import { spawn } from 'node:child_process';
import { access, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { fullReference } from './image-archive.ts';

export interface BuildOptions {
  tag: string;
  folder: string;
  /** Default: Containerfile, else Dockerfile, in the folder. */
  file?: string | undefined;
  buildArgs?: readonly string[];
  /** Where the docker-archive is written. */
  archive: string;
  signal: AbortSignal;
  onOutput: (text: Uint8Array) => void;
}

/**
 * Builds an image with buildah and writes it as a docker-archive. Chroot isolation and the vfs store need no privileges beyond a user
 * namespace. Throws BUILDER_MISSING where buildah is not installed, COMMAND_FAILED when the build fails.
 */
export const buildImage = async (options: BuildOptions): Promise<void> => {
  const { tag, folder, archive } = options;
  const file = options.file ?? (await containerfileOf(folder));
  const reference = fullReference(tag);
  const store = ['--storage-driver', 'vfs'];
  const args = (options.buildArgs ?? []).flatMap((each) => ['--build-arg', each]);
  await buildah(
    [...store, 'build', '--isolation', 'chroot', '--format', 'docker', '--layers', '--tag', reference, '--file', file, ...args, folder],
    options,
  );
  await buildah([...store, 'push', '--quiet', reference, `docker-archive:${archive}:${reference}`], options);
};

const containerfileOf = async (folder: string): Promise<string> => {
  const found = await stat(folder).catch(() => undefined);
  if (!found?.isDirectory()) throw new SlipwayError('COMMAND_FAILED', { tried: `build from ${folder}`, cause: 'there is no such folder' });
  for (const name of ['Containerfile', 'Dockerfile']) {
    const path = join(folder, name);
    if (
      await access(path).then(
        () => true,
        () => false,
      )
    )
      return path;
  }
  throw new SlipwayError('COMMAND_FAILED', {
    tried: `build from ${folder}`,
    cause: 'it has neither a Containerfile nor a Dockerfile',
    advice: ['slipway image build -t NAME --file PATH DIR'],
  });
};

const buildah = async (args: readonly string[], { signal, onOutput, folder }: BuildOptions): Promise<void> => {
  const child = spawn('buildah', args, { stdio: ['ignore', 'pipe', 'pipe'], signal, cwd: folder });
  const last: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      onOutput(chunk);
      last.push(...chunk.toString('utf8').split('\n').filter(Boolean));
      last.splice(0, Math.max(0, last.length - 20));
    });
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.on('error', (error: NodeJS.ErrnoException) =>
    reject(
      error.code === 'ENOENT'
        ? new SlipwayError('BUILDER_MISSING', { tried: 'build an image', cause: 'buildah is not on the PATH' })
        : error,
    ),
  );
  child.on('close', resolve);
  const code = await promise;
  if (code !== 0)
    throw new SlipwayError('COMMAND_FAILED', {
      tried: `run buildah ${args.includes('push') ? 'push' : 'build'}`,
      cause: `it ended with exit code ${code}`,
      logLines: last,
    });
};
