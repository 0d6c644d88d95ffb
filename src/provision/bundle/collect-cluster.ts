import { copyFile, mkdir } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { poolsOf } from '../file/cluster-file.ts';
import { loadClusterFile } from '../file/load-cluster-file.ts';
import { manifestFiles, readManifests } from '../manifest-files.ts';
import { type NamedImage, namedImages } from './named-images.ts';

export interface CollectedCluster {
  /** The cluster file in the bundle: `cluster/lab.yaml`. */
  path: string;
  images: NamedImage[];
  /** What the file names and a bundle does not have. */
  warnings: string[];
}

/**
 * A cluster file and the manifests that it names, laid into the bundle as they lie to each other, so that the file's paths stay right; and the
 * images that these run. Throws CONFIG_INVALID, MANIFEST_INVALID.
 */
export const collectCluster = async (work: string, file: string): Promise<CollectedCluster> => {
  const { content, folder } = (await loadClusterFile(file, { flags: {}, stdin: process.stdin })).wishes.file;
  const named = (content.spec.manifests ?? []).map((path) => join(folder, path));
  const files = [resolve(file), ...(await manifestFiles(named))];
  const root = files.map(dirname).reduce(commonFolder);
  for (const from of files) {
    const to = join(work, 'cluster', relative(root, from));
    await mkdir(dirname(to), { recursive: true });
    await copyFile(from, to);
  }
  const images = namedImages((await readManifests(named)).map(({ object }) => object));
  return {
    path: join('cluster', relative(root, resolve(file))),
    images,
    warnings: [
      ...images
        .filter(({ isAlwaysPulled }) => isAlwaysPulled)
        .map(
          ({ reference }) =>
            `${reference} is asked of its registry at every start: give it a tag of its own, or imagePullPolicy IfNotPresent`,
        ),
      ...[content.spec.drivers ?? {}, ...poolsOf(content)]
        .flatMap(addressesIn)
        .map((address) => `${address} is not in the bundle: carry the image of the machines over too, and name its path`),
    ],
  };
};

/** `/a/b/c` and `/a/d`: `/a`. */
const commonFolder = (one: string, other: string): string => {
  let common = one;
  while (relative(common, other).startsWith('..')) common = dirname(common);
  return common;
};

/** Images of virtual machines that drivers would fetch. */
const addressesIn = (value: unknown): string[] => {
  if (typeof value === 'string') return /^https?:\/\//.test(value) ? [value] : [];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(addressesIn) : [];
};
