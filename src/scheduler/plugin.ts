import type { Stored } from '../api/meta/object.ts';
import type { ParsedSelector } from '../api/meta/selector.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '../api/types/core-v1.ts';
import type { CSINode, StorageClass } from '../api/types/storage-v1.ts';
import type { ClusterState } from './model/cluster-state.ts';
import type { NodeInfo } from './model/node-info.ts';
import type { PodInfo } from './model/pod-info.ts';

/**
 * One aspect of where a pod may or should run: one file in plugins/, one line in plugins/index.ts. Plugins keep no state between
 * pods; what is worth counting is counted by the ClusterState. They run synchronously and never change the world.
 */
export interface SchedulerPlugin {
  /** As upstream names it. */
  readonly name: string;
  /** Once per attempt. Undefined: nothing about this pod concerns the plugin, it is not asked about any node. */
  prepareFilter?(pod: PodInfo, world: World): PreparedFilter | Refusal | undefined;
  /** Once per attempt, over the nodes that passed every filter. Undefined: all nodes are equal to it. */
  prepareScore?(pod: PodInfo, world: World, candidates: readonly NodeInfo[]): PreparedScore | undefined;
  /** What its normalised score (0-100) counts for; default 1. */
  readonly weight?: number;
  /** True when the event may let a pod fit that this plugin has refused. Cheap; when in doubt true. */
  mayHelp(event: ClusterEvent, pod: PodInfo): boolean;
}

export interface PreparedFilter {
  /** Undefined: the pod may run there. */
  filter(node: NodeInfo): Rejection | undefined;
  /** Only nodes of these names can pass. */
  only?: ReadonlySet<string> | undefined;
}

/** No node at all will do. `reason` is the whole explanation. */
export interface Refusal {
  refusal: string;
}

export interface PreparedScore {
  score(node: NodeInfo): number;
  /** Brings the raw scores to 0-100, in place. Without it they are so already. */
  normalize?(scores: Float64Array): void;
}

export interface Rejection {
  /** In upstream's words: they are counted and shown to people. */
  reasons: readonly string[];
  /** False: not even removing other pods would help. */
  resolvable: boolean;
}

/** What plugins may look at. */
export interface World {
  readonly state: ClusterState;
  claim(namespace: string, name: string): Stored<PersistentVolumeClaim> | undefined;
  volume(name: string): Stored<PersistentVolume> | undefined;
  /** Volumes that nobody has claimed, of one storage class. */
  availableVolumes(storageClass: string): readonly Stored<PersistentVolume>[];
  storageClass(name: string): Stored<StorageClass> | undefined;
  csiNode(name: string): Stored<CSINode> | undefined;
  /** Selects the pods that belong together with this one, by its Services and its owner; undefined when it is alone. */
  siblings(pod: PodInfo): { id: string; selector: ParsedSelector } | undefined;
}

/** Why pods that found no place may be tried again. */
export type ClusterEvent =
  | { kind: 'node-added'; node: NodeInfo }
  | { kind: 'node-changed'; node: NodeInfo; what: 'allocatable' | 'labels' | 'taints' | 'other' }
  /** A pod was bound (by us or others), or the labels of one that is placed have changed. */
  | { kind: 'pod-placed'; pod: PodInfo }
  | { kind: 'pod-gone'; pod: PodInfo }
  | { kind: 'storage-changed' }
  | { kind: 'namespace-changed' };

export const reject = (reason: string, options: { resolvable: boolean }): Rejection => Object.freeze({ reasons: [reason], ...options });

/** Scales to 0-100 by the largest; `reverse` makes the largest the worst. */
export const normalizeByLargest = (scores: Float64Array, options: { reverse: boolean }): void => {
  let largest = 0;
  for (const score of scores) if (score > largest) largest = score;
  for (let index = 0; index < scores.length; index += 1) {
    const scaled = largest === 0 ? 0 : Math.trunc(((scores[index] ?? 0) * 100) / largest);
    scores[index] = options.reverse ? 100 - scaled : scaled;
  }
};
