import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { KubeObject } from '../../api/meta/object.ts';
import { parseYaml } from '../../api/meta/yaml.ts';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { CommandError } from '../errors.ts';
import { readAll } from '../io.ts';

export interface Manifest {
  object: KubeObject;
  /** File, URL or `STDIN`, for messages. */
  source: string;
}

/** No manifest is as large; a mistyped path must not fill the memory. */
const MAX_FILE_BYTES = 32 * 1024 * 1024;

/**
 * The objects of `-f` arguments: files, folders (*.json, *.yaml, *.yml, in order; deeper ones with `recursive`), http URLs, and `-` for
 * stdin. Lists are taken apart. Throws CommandError for what is not there and MANIFEST_INVALID for what cannot be read.
 */
export const readManifests = async (
  names: readonly string[],
  options: { recursive: boolean; stdin: NodeJS.ReadableStream },
): Promise<Manifest[]> => {
  const found: Manifest[] = [];
  for (const name of names) {
    if (name === '-') found.push(...parseManifests((await readAll(options.stdin)).toString('utf8'), 'STDIN'));
    else if (/^https?:\/\//.test(name)) found.push(...parseManifests(await fetchText(name), name));
    else for (const file of await filesOf(name, options.recursive)) found.push(...parseManifests(await readFile(file, 'utf8'), file));
  }
  return found;
};

/** Parses YAML or JSON documents and takes lists apart. */
export const parseManifests = (text: string, source: string): Manifest[] => {
  let documents: unknown[];
  try {
    documents = parseYaml(text);
  } catch (error) {
    throw new SlipwayError('MANIFEST_INVALID', { tried: `read ${source}`, cause: error as Error });
  }
  return documents
    .filter((document) => document !== null && document !== undefined)
    .flatMap((document) => objectsOf(document, source))
    .map((object) => ({ object, source }));
};

const objectsOf = (document: unknown, source: string): KubeObject[] => {
  if (typeof document !== 'object' || Array.isArray(document))
    throw new SlipwayError('MANIFEST_INVALID', { tried: `read ${source}`, cause: 'a document is not an object' });
  const object = document as KubeObject & { items?: unknown[] };
  if (Object.keys(object).length === 0) return [];
  for (const field of ['kind', 'apiVersion'] as const)
    if (typeof object[field] !== 'string' || object[field] === '')
      throw new CommandError(
        `error validating "${source}": error validating data: ${field} not set; if you choose to ignore these errors, turn validation off with --validate=false`,
      );
  if (object.kind?.endsWith('List') && Array.isArray(object.items))
    return object.items.flatMap((item) =>
      objectsOf({ apiVersion: object.apiVersion, kind: object.kind?.replace(/List$/, ''), ...(item as object) }, source),
    );
  return [{ ...object, metadata: object.metadata ?? {} }];
};

const filesOf = async (path: string, recursive: boolean): Promise<string[]> => {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') throw new CommandError(`the path "${path}" does not exist`, { cause: error });
    throw new CommandError(`the path "${path}" cannot be read: ${error.message}`, { cause: error });
  });
  if (!found.isDirectory()) {
    if (found.size > MAX_FILE_BYTES) throw new CommandError(`the file "${path}" is larger than 32 MiB`);
    return [path];
  }
  const entries = (await readdir(path, { withFileTypes: true })).sort((one, other) => (one.name < other.name ? -1 : 1));
  const files: string[] = [];
  for (const entry of entries) {
    if (entry.isDirectory()) {
      if (recursive) files.push(...(await filesOf(join(path, entry.name), true)));
    } else if (/\.(json|ya?ml)$/.test(entry.name)) files.push(join(path, entry.name));
  }
  return files;
};

const fetchText = async (url: string): Promise<string> => {
  const response = await fetch(url, { signal: AbortSignal.timeout(30_000) }).catch((error: Error) => {
    throw new CommandError(`unable to read URL "${url}", ${(error.cause as Error | undefined)?.message ?? error.message}`, {
      cause: error,
    });
  });
  if (!response.ok)
    throw new CommandError(
      `unable to read URL "${url}", server reported ${response.status} ${response.statusText}, status code=${response.status}`,
    );
  return response.text();
};
