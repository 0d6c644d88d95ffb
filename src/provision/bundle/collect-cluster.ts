import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { type Alias, isAlias, isScalar, parseDocument, type Scalar } from 'yaml';
import { type ClusterFile, poolsOf } from '../file/cluster-file.ts';
import { loadClusterFile } from '../file/load-cluster-file.ts';
import { absentOf, manifestFiles, readManifests } from '../manifest-files.ts';
import { type NamedImage, namedImages } from './named-images.ts';

export interface CollectedCluster {
  /** The cluster file in the bundle: `cluster/lab.yaml`. */
  path: string;
  images: NamedImage[];
  /** What the file names and a bundle does not have. */
  warnings: string[];
}

/**
 * A cluster file and the manifests that it names, laid into the bundle as they lie to each other, so that the file's paths stay right (absolute
 * ones are written anew in the copy); and the images that these run. Throws CONFIG_INVALID, MANIFEST_INVALID.
 */
export const collectCluster = async (work: string, file: string): Promise<CollectedCluster> => {
  const { content, folder } = (await loadClusterFile(file, { flags: {}, stdin: process.stdin })).wishes.file;
  const named = (content.spec.manifests ?? []).map((path) => resolve(folder, path));
  // As for `up`: what a hook makes need not be there yet.
  const later = content.spec.hooks?.beforeUp?.length ? await absentOf(named) : [];
  const present = named.filter((path) => !later.includes(path));
  const from = resolve(file);
  const manifests = await manifestFiles(present);
  const root = [from, ...manifests].map(dirname).reduce(commonFolder);
  const placeOf = (path: string): string => join(work, 'cluster', relative(root, path));
  for (const path of manifests) {
    await mkdir(dirname(placeOf(path)), { recursive: true });
    await copyFile(path, placeOf(path));
  }
  await mkdir(dirname(placeOf(from)), { recursive: true });
  const { text, left } = withRelativePaths(await readFile(from, 'utf8'), (path) =>
    later.includes(path) ? path : relative(folder, path) || '.',
  );
  await writeFile(placeOf(from), text);
  const images = namedImages((await readManifests(present)).map(({ object }) => object));
  return {
    path: join('cluster', relative(root, from)),
    images,
    warnings: [
      ...later.map(
        (path) => `${path} is not there yet, and not in the bundle: its images neither; a hook has to make it where the bundle is used`,
      ),
      ...left.map((path) => `${path} is in the bundle, and the file still names it by where it lies here: name it by a relative path`),
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

/** Only the paths change, so that comments and form stay. `left`: those that stand where they cannot be written anew: in a list that is an alias, in a text of several lines. */
const withRelativePaths = (text: string, relativeOf: (path: string) => string): { text: string; left: string[] } => {
  const document = parseDocument(text, { merge: true });
  const paths = ((document.toJS() as ClusterFile).spec.manifests ?? []).map((path, index) => ({ path, index }));
  const left: string[] = [];
  let changed = text;
  // From the end on, so that the places before stay what they are.
  for (const { path, index } of paths.filter(({ path }) => isAbsolute(path) && relativeOf(path) !== path).reverse()) {
    const node = document.getIn(['spec', 'manifests', index], true);
    if (isOneLine(node) && node.range)
      changed = `${changed.slice(0, node.range[0])}${JSON.stringify(relativeOf(path))}${changed.slice(node.range[1])}`;
    else left.unshift(path);
  }
  return { text: changed, left };
};

const isOneLine = (node: unknown): node is Alias | Scalar => isAlias(node) || (isScalar(node) && /^(PLAIN|QUOTE_)/.test(node.type ?? ''));

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
