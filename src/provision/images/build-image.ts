import { access, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { runBuildah } from './buildah.ts';
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
  /** What the builder says, a line at a time. */
  onLine: (line: string) => void;
}

/**
 * Builds an image with buildah and writes it as a docker-archive. Chroot isolation needs no privileges beyond a user namespace. Throws
 * BUILDER_MISSING where buildah is not installed, COMMAND_FAILED when the build fails.
 */
export const buildImage = async ({ tag, folder, archive, ...options }: BuildOptions): Promise<void> => {
  const file = options.file ?? (await containerfileOf(folder));
  const reference = fullReference(tag);
  const args = (options.buildArgs ?? []).flatMap((each) => ['--build-arg', each]);
  const { signal, onLine } = options;
  const run = { tried: `build the image ${tag}`, signal, onLine };
  await runBuildah(
    ['build', '--isolation', 'chroot', '--format', 'docker', '--layers', '--tag', reference, '--file', file, ...args, folder],
    run,
  );
  await runBuildah(['push', '--quiet', reference, `docker-archive:${archive}:${reference}`], run);
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
