import type { Stored } from '../../api/meta/object.ts';
import { quantityValue } from '../../api/meta/quantity.ts';
import { selectorFromObject } from '../../api/meta/selector.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '../../api/types/core-v1.ts';
import { compileTerms } from '../model/node-affinity.ts';
import type { NodeInfo } from '../model/node-info.ts';
import { reject, type SchedulerPlugin, type World } from '../plugin.ts';

const OTHER_NODE = reject("node(s) didn't match PersistentVolume's node affinity", { resolvable: false });
const NONE_AVAILABLE = reject("node(s) didn't find available persistent volumes to bind", { resolvable: false });
const NO_VOLUME = reject('node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)', { resolvable: false });
const NO_PROVISIONER = 'kubernetes.io/no-provisioner';

/**
 * A pod runs where its volumes are: bound claims by the node affinity of their volume; claims that wait for their first consumer
 * where a volume is free or can be made.
 */
export const volumeBinding: SchedulerPlugin = {
  name: 'VolumeBinding',
  prepareFilter: (pod, world) => {
    if (pod.claims.length === 0) return undefined;
    const checks: ((node: NodeInfo) => ReturnType<typeof reject> | undefined)[] = [];
    for (const name of pod.claims) {
      const claim = world.claim(pod.namespace, name);
      if (!claim) return { refusal: `persistentvolumeclaim "${name}" not found` };
      if (claim.metadata.deletionTimestamp) return { refusal: `persistentvolumeclaim "${name}" is being deleted` };
      if (claim.status?.phase === 'Lost')
        return { refusal: `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${claim.spec?.volumeName}"` };
      if (isBound(claim)) checks.push(checkBound(claim, world));
      else if (!waitsForConsumer(claim, world)) return { refusal: 'pod has unbound immediate PersistentVolumeClaims' };
      else checks.push(checkUnbound(claim, world));
    }
    return {
      filter: (node) => {
        for (const check of checks) {
          const rejection = check(node);
          if (rejection) return rejection;
        }
        return undefined;
      },
    };
  },
  mayHelp: (event) =>
    event.kind === 'storage-changed' || event.kind === 'node-added' || (event.kind === 'node-changed' && event.what === 'labels'),
};

/** Claimed a volume and the binding is complete. */
export const isBound = (claim: Stored<PersistentVolumeClaim>): boolean =>
  Boolean(claim.spec?.volumeName) && claim.metadata.annotations?.['pv.kubernetes.io/bind-completed'] !== undefined;

export const waitsForConsumer = (claim: Stored<PersistentVolumeClaim>, world: Pick<World, 'storageClass'>): boolean =>
  !claim.spec?.volumeName && world.storageClass(claim.spec?.storageClassName ?? '')?.volumeBindingMode === 'WaitForFirstConsumer';

/** The smallest free volume that serves the claim on the node. */
export const findVolume = (
  claim: Stored<PersistentVolumeClaim>,
  node: NodeInfo,
  world: Pick<World, 'availableVolumes'>,
): Stored<PersistentVolume> | undefined => {
  const wanted = quantityValue(claim.spec?.resources?.requests?.['storage'] ?? 0);
  const selector = claim.spec?.selector ? selectorFromObject(claim.spec.selector) : undefined;
  return world
    .availableVolumes(claim.spec?.storageClassName ?? '')
    .filter(
      (volume) =>
        sizeOf(volume) >= wanted &&
        (volume.spec?.volumeMode ?? 'Filesystem') === (claim.spec?.volumeMode ?? 'Filesystem') &&
        (claim.spec?.accessModes ?? []).every((mode) => volume.spec?.accessModes?.includes(mode)) &&
        (selector?.matches(volume.metadata.labels) ?? true) &&
        isReachable(volume, node),
    )
    .sort((a, b) => sizeOf(a) - sizeOf(b))[0];
};

const sizeOf = (volume: Stored<PersistentVolume>): number => quantityValue(volume.spec?.capacity?.['storage'] ?? 0);

const isReachable = (volume: Stored<PersistentVolume>, node: NodeInfo): boolean => {
  const terms = volume.spec?.nodeAffinity?.required?.nodeSelectorTerms;
  return terms ? compileTerms(terms)(node) : true;
};

const checkBound = (claim: Stored<PersistentVolumeClaim>, world: World) => {
  const volume = world.volume(claim.spec?.volumeName ?? '');
  if (!volume) return () => NO_VOLUME;
  const terms = volume.spec?.nodeAffinity?.required?.nodeSelectorTerms;
  if (!terms) return () => undefined;
  const matches = compileTerms(terms);
  return (node: NodeInfo) => (matches(node) ? undefined : OTHER_NODE);
};

const checkUnbound = (claim: Stored<PersistentVolumeClaim>, world: World) => {
  const selectedNode = claim.metadata.annotations?.['volume.kubernetes.io/selected-node'];
  const storageClass = world.storageClass(claim.spec?.storageClassName ?? '');
  const topologies = storageClass?.allowedTopologies;
  return (node: NodeInfo) => {
    // Being made for another node already: it cannot be had here.
    if (selectedNode !== undefined) return selectedNode === node.name ? undefined : NONE_AVAILABLE;
    if (findVolume(claim, node, world)) return undefined;
    if (!storageClass || storageClass.provisioner === NO_PROVISIONER) return NONE_AVAILABLE;
    const allowed =
      !topologies?.length ||
      topologies.some((term) => (term.matchLabelExpressions ?? []).every(({ key, values }) => values.includes(node.labels[key] ?? '')));
    return allowed ? undefined : NONE_AVAILABLE;
  };
};
