import type { KubeObject, ResourceName } from '../../api/meta/object.ts';
import type { ClusterContext } from '../cluster-context.ts';
import { readManifests } from '../manifest-files.ts';
import { overLostApi } from '../over-lost-api.ts';
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
      changed = (await overLostApi(() => applyObject(context, object), context)) || changed;
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
