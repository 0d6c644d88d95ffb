import { access, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { KubeObject } from '../api/meta/object.ts';
import { parseYaml } from '../api/meta/yaml.ts';
import { SlipwayError } from '../base/errors/slipway-error.ts';

/** The objects of files and folders (*.yaml, *.yml, *.json, in order). Throws MANIFEST_INVALID. */
export const readManifests = async (paths: readonly string[]): Promise<{ object: KubeObject; source: string }[]> => {
  const files = await manifestFiles(paths);
  const texts = await Promise.all(files.map(async (source) => ({ source, text: await readFile(source, 'utf8') })));
  return texts.flatMap(({ source, text }) => objectsIn(text, source).map((object) => ({ object, source })));
};

/** Of files and folders, the files, in the order in which they are applied. Throws MANIFEST_INVALID for what is not there. */
export const manifestFiles = async (paths: readonly string[]): Promise<string[]> => (await Promise.all(paths.map(filesOf))).flat();

/** Those of the paths at which nothing is. */
export const absentOf = async (paths: readonly string[]): Promise<string[]> => {
  const absent = await Promise.all(paths.map((path) => access(path).then(() => false, isAbsent)));
  return paths.filter((_, index) => absent[index]);
};

const isAbsent = (error: NodeJS.ErrnoException): boolean => error.code === 'ENOENT' || error.code === 'ENOTDIR';

const filesOf = async (path: string): Promise<string[]> => {
  const found = await stat(path).catch((error: Error) => {
    throw invalid(path, error);
  });
  if (!found.isDirectory()) return [path];
  return (await readdir(path))
    .filter((name) => /\.(ya?ml|json)$/.test(name))
    .sort()
    .map((name) => join(path, name));
};

const objectsIn = (text: string, source: string): KubeObject[] => {
  let documents: unknown[];
  try {
    documents = parseYaml(text);
  } catch (error) {
    throw invalid(source, error as Error);
  }
  const objects = documents.flatMap((document) => {
    const { kind, items } = document as { kind?: string; items?: unknown };
    return kind?.endsWith('List') && Array.isArray(items) ? (items as KubeObject[]) : [document as KubeObject];
  });
  for (const object of objects)
    if (!object?.kind || !object.apiVersion || !object.metadata?.name)
      throw invalid(source, 'a document has no apiVersion, kind or metadata.name');
  return objects;
};

const invalid = (path: string, cause: Error | string): SlipwayError =>
  new SlipwayError('MANIFEST_INVALID', {
    tried: `apply ${path}, which the cluster file names`,
    cause,
    advice: [`slipway apply --dry-run=client -f ${path}`],
  });
