import { resolve } from 'node:path';
import type { ClusterWishes, WishedFile } from '../spec/cluster-spec.ts';

export interface WishesSource {
  file: string | undefined;
  stdin: AsyncIterable<Uint8Array>;
  /** The command applies the file's manifests. */
  applies: boolean;
}

/**
 * What a command was asked for: by a file, with flags over it, or by flags alone. A cluster that is not named is called `slipway`. Throws
 * CONFIG_INVALID; for manifests that are to be applied and are not there too, and MANIFEST_INVALID for those that cannot be read.
 */
export const readWishes = async (
  said: Partial<ClusterWishes>,
  { file, stdin, applies }: WishesSource,
): Promise<{ wishes: ClusterWishes; overrides: string[] }> => {
  if (file === undefined) return { wishes: { ...said, name: said.name ?? 'slipway' }, overrides: [] };
  // Only who uses a file loads what reads YAML.
  const { loadClusterFile } = await import('./load-cluster-file.ts');
  const loaded = await loadClusterFile(file, { flags: said, stdin });
  if (applies) await checkManifests(loaded.wishes.file);
  return loaded;
};

/** A hook may make them: then they need not be there yet. */
const checkManifests = async ({ content, folder, refuse }: WishedFile): Promise<void> => {
  const { manifests = [], hooks } = content.spec;
  if (!manifests.length || hooks?.beforeUp?.length) return;
  const paths = manifests.map((path) => resolve(folder, path));
  const { absentOf, readManifests } = await import('../manifest-files.ts');
  const absent = await absentOf(paths);
  const problems = paths.flatMap((path, index) =>
    absent.includes(path) ? [{ path: ['spec', 'manifests', index], message: `there is no file or folder ${path}` }] : [],
  );
  if (problems.length) throw refuse(problems);
  await readManifests(paths);
};
