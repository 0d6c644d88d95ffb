import type { Stored } from '../../api/meta/object.ts';
import type { Node, Pod } from '../../api/types/core-v1.ts';
import { isPodFinished } from '../pods.ts';

const OUT_OF_SERVICE = 'node.kubernetes.io/out-of-service';

export interface Garbage {
  pod: Stored<Pod>;
  reason: 'finished' | 'orphaned' | 'unscheduled' | 'out-of-service';
}

/**
 * Pods that nobody will ever finish: finished ones beyond the threshold (oldest first), those whose node is gone, those
 * deleted before they had a node, and those that are being deleted on a node that was declared out of service.
 */
export const garbageOf = (input: {
  pods: readonly Stored<Pod>[];
  nodes: ReadonlyMap<string, Stored<Node>>;
  /** Names of nodes that are gone for long enough to be sure. */
  goneNodes: ReadonlySet<string>;
  threshold: number;
}): Garbage[] => {
  const { pods, nodes, goneNodes, threshold } = input;
  const finished = pods.filter((pod) => isPodFinished(pod) && !pod.metadata.deletionTimestamp);
  const excess = finished
    .sort((a, b) => Date.parse(a.metadata.creationTimestamp ?? '') - Date.parse(b.metadata.creationTimestamp ?? ''))
    .slice(0, Math.max(0, finished.length - threshold));
  const garbage: Garbage[] = excess.map((pod) => ({ pod, reason: 'finished' }));
  for (const pod of pods) {
    const nodeName = pod.spec?.nodeName;
    if (nodeName && goneNodes.has(nodeName)) garbage.push({ pod, reason: 'orphaned' });
    else if (!nodeName && pod.metadata.deletionTimestamp) garbage.push({ pod, reason: 'unscheduled' });
    else if (nodeName && pod.metadata.deletionTimestamp && isOutOfService(nodes.get(nodeName)))
      garbage.push({ pod, reason: 'out-of-service' });
  }
  return garbage;
};

const isOutOfService = (node: Stored<Node> | undefined): boolean =>
  node !== undefined &&
  node.status?.conditions?.find(({ type }) => type === 'Ready')?.status !== 'True' &&
  (node.spec?.taints ?? []).some(({ key }) => key === OUT_OF_SERVICE);
