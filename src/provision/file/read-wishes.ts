import type { ClusterWishes } from '../spec/cluster-spec.ts';

/** What a command was asked for: by a file, with flags over it, or by flags alone. A cluster that is not named is called `slipway`. */
export const readWishes = async (
  said: Partial<ClusterWishes>,
  { file, stdin }: { file: string | undefined; stdin: AsyncIterable<Uint8Array> },
): Promise<{ wishes: ClusterWishes; overrides: string[] }> => {
  if (file === undefined) return { wishes: { ...said, name: said.name ?? 'slipway' }, overrides: [] };
  // Only who uses a file loads what reads YAML.
  const { loadClusterFile } = await import('./load-cluster-file.ts');
  return loadClusterFile(file, { flags: said, stdin });
};
