import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { KubeObject, ResourceName } from '../../api/meta/object.ts';
import { parseYaml } from '../../api/meta/yaml.ts';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { ClusterContext } from '../cluster-context.ts';
import { requireClient } from './nodes-ready.ts';
import type { Step } from './step.ts';
import { waitFor } from './wait.ts';

/** A custom resource may stand behind its definition in the same file: the kind is there a moment after. */
const KIND_TIMEOUT_MS = 30_000;

/** Objects that the cluster file names are applied (server-side, as manager `slipway`): also a second time only what differs is written. */
export const manifests: Step<ClusterContext> = {
  name: 'manifests',
  title: 'Applying manifests',
  needs: ['nodes-ready', 'images', 'bundle-images'],
  wanted: (context) => Boolean(context.spec.manifests?.length),
  apply: async (context, report) => {
    let changed = false;
    for (const { object, source } of await readManifests(context.spec.manifests ?? [])) {
      report(`${object.kind} ${object.metadata.name} of ${source}`);
      changed = (await applyObject(context, object)) || changed;
    }
    return { changed };
  },
};

/** Objects whose application would write something, asked of the API by a dry run. */
export const manifestDifferences = async (context: ClusterContext): Promise<ManifestDifference[]> => {
  const client = requireClient(context);
  const found: ManifestDifference[] = [];
  for (const { object } of await readManifests(context.spec.manifests ?? [])) {
    const name = `${object.kind} ${object.metadata.name}`;
    // A kind that is not there yet may be defined by an object before it.
    const known = await resourceOf(context, object).catch(() => undefined);
    const target = known && targetOf(object, known);
    const before = known && target && (await client.get<KubeObject>(known.resource, target).catch(() => undefined));
    if (!known || !target || !before) {
      found.push({ action: 'create', kind: 'manifest', name });
      continue;
    }
    const after = await client.patch<KubeObject>(known.resource, target, object, { ...APPLY, dryRun: true, signal: context.signal });
    if (JSON.stringify(contentOf(before)) !== JSON.stringify(contentOf(after))) found.push({ action: 'change', kind: 'manifest', name });
  }
  return found;
};

interface ManifestDifference {
  action: 'create' | 'change';
  kind: string;
  name: string;
}

/** Without what every write changes. */
const contentOf = (object: KubeObject): KubeObject => {
  const { managedFields: _, resourceVersion: __, generation: ___, ...metadata } = object.metadata;
  return { ...object, metadata } as KubeObject;
};

const APPLY = { type: 'application/apply-patch+yaml', fieldManager: 'slipway', force: true } as const;

const targetOf = (object: KubeObject, found: { namespaced: boolean }): { name: string; namespace?: string } => ({
  name: object.metadata.name ?? '',
  ...(found.namespaced ? { namespace: object.metadata.namespace ?? 'default' } : {}),
});

const applyObject = async (context: ClusterContext, object: KubeObject): Promise<boolean> => {
  const client = requireClient(context);
  const found = await waitFor(() => resourceOf(context, object), {
    signal: context.signal,
    timeoutMs: KIND_TIMEOUT_MS,
    tried: `find the kind ${object.kind} of ${object.apiVersion}`,
    advice: ['slipway api-resources'],
  });
  const target = targetOf(object, found);
  const before = await client.get<KubeObject>(found.resource, target).catch(() => undefined);
  const applied = await client.patch<KubeObject>(found.resource, target, object, { ...APPLY, signal: context.signal });
  return before?.metadata.resourceVersion !== applied.metadata.resourceVersion;
};

/** Throws while the API has no such kind. */
const resourceOf = async (context: ClusterContext, object: KubeObject): Promise<{ resource: ResourceName; namespaced: boolean }> => {
  const [group = '', version = ''] = object.apiVersion?.includes('/') ? object.apiVersion.split('/') : ['', object.apiVersion];
  const { resources } = await requireClient(context).discover({ group, version });
  const found = resources.find((one) => one.kind === object.kind && !one.name.includes('/'));
  if (!found) throw new Error(`${object.apiVersion} has no kind ${object.kind}`);
  return { resource: { group, version, plural: found.name }, namespaced: found.namespaced };
};

/** The objects of files and folders (*.yaml, *.yml, *.json, in order). Throws MANIFEST_INVALID. */
export const readManifests = async (paths: readonly string[]): Promise<{ object: KubeObject; source: string }[]> => {
  const files = await manifestFiles(paths);
  const texts = await Promise.all(files.map(async (source) => ({ source, text: await readFile(source, 'utf8') })));
  return texts.flatMap(({ source, text }) => objectsIn(text, source).map((object) => ({ object, source })));
};

/** Of files and folders, the files, in the order in which they are applied. Throws MANIFEST_INVALID for what is not there. */
export const manifestFiles = async (paths: readonly string[]): Promise<string[]> => (await Promise.all(paths.map(filesOf))).flat();

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
