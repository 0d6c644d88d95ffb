import { runBuildah } from './buildah.ts';
import { fullReference } from './image-archive.ts';

/**
 * Writes an image as a docker-archive: one that `slipway image build` made here, else from its registry, with the credentials that buildah has.
 * Throws BUILDER_MISSING, COMMAND_FAILED.
 */
export const pullImage = async (
  image: string,
  { archive, signal, advice }: { archive: string; signal: AbortSignal; advice: readonly string[] },
): Promise<void> => {
  const reference = fullReference(image);
  const run = { tried: `fetch the image ${image}`, signal, advice };
  await runBuildah(['pull', '--quiet', '--policy', 'missing', reference], run);
  await runBuildah(['push', '--quiet', reference, `docker-archive:${archive}:${reference}`], run);
};
