import type { Stored } from '../api/meta/object.ts';
import type { Node } from '../api/types/core-v1.ts';
import type { ClusterSpec, NodeSpec } from './spec/cluster-spec.ts';

type Taint = NonNullable<NonNullable<Node['spec']>['taints']>[number];

const ROLE_LABEL = 'node-role.kubernetes.io/';
/** What we gave a node, so that it can be taken away when the file has it no more; what others gave stays. */
const GIVEN = 'slipway.local/given';
const CONTROL_PLANE_TAINT = `${ROLE_LABEL}control-plane=:NoSchedule`;

/** Labels that a node may give itself: those of Kubernetes' own domains come from the administrator (NodeRestriction). */
export const labelsOfItsOwn = (node: NodeSpec): Record<string, string> =>
  Object.fromEntries(Object.entries(node.labels).filter(([key]) => !/(^|\.)(kubernetes|k8s)\.io\//.test(key)));

export const taintsOf = (spec: ClusterSpec, node: NodeSpec): string[] => [
  ...(node.controlPlane && spec.dedicatedControlPlanes ? [CONTROL_PLANE_TAINT] : []),
  ...node.taints,
];

export interface NodePatch {
  metadata: { labels: Record<string, string | null>; annotations: Record<string, string> };
  spec?: { taints: Taint[] };
}

/** What makes the node of the API carry the roles, labels and taints that it is to have; undefined when it does. */
export const markPatch = (spec: ClusterSpec, node: NodeSpec, found: Stored<Node>): NodePatch | undefined => {
  const labels: Record<string, string> = { ...node.labels };
  for (const role of [...(node.controlPlane ? ['control-plane'] : []), ...(node.roles ?? [])]) labels[`${ROLE_LABEL}${role}`] = '';
  const taints = taintsOf(spec, node).map(parseTaint);
  const given = readGiven(found.metadata.annotations?.[GIVEN]);
  const there = found.metadata.labels ?? {};
  const labelPatch: Record<string, string | null> = {};
  for (const [key, value] of Object.entries(labels)) if (there[key] !== value) labelPatch[key] = value;
  for (const key of given.labels) if (!(key in labels) && key in there) labelPatch[key] = null;
  const before = found.spec?.taints ?? [];
  const stay = before.filter((taint) => !given.taints.includes(keyOf(taint)) && !taints.some((one) => keyOf(one) === keyOf(taint)));
  const unchanged = before.filter((taint) =>
    taints.some((one) => keyOf(one) === keyOf(taint) && (one.value ?? '') === (taint.value ?? '')),
  );
  const isTaintedRight = unchanged.length === taints.length && stay.length + unchanged.length === before.length;
  const annotation = JSON.stringify({ labels: Object.keys(labels).sort(), taints: taints.map(keyOf).sort() });
  const isKnown = (found.metadata.annotations?.[GIVEN] ?? NOTHING_GIVEN) === annotation;
  if (!Object.keys(labelPatch).length && isTaintedRight && isKnown) return undefined;
  return {
    metadata: { labels: labelPatch, annotations: { [GIVEN]: annotation } },
    ...(isTaintedRight ? {} : { spec: { taints: [...stay, ...taints] } }),
  };
};

interface Given {
  labels: string[];
  /** `key:Effect`. */
  taints: string[];
}

const NOTHING_GIVEN = JSON.stringify({ labels: [], taints: [] } satisfies Given);

const readGiven = (text: string | undefined): Given => {
  try {
    const { labels = [], taints = [] } = JSON.parse(text ?? NOTHING_GIVEN) as Partial<Given>;
    return { labels, taints };
  } catch {
    // Somebody edited it: then nothing is known to be ours.
    return { labels: [], taints: [] };
  }
};

const keyOf = (taint: Taint): string => `${taint.key}:${taint.effect}`;

/** `key=value:Effect`. */
const parseTaint = (text: string): Taint => {
  const at = text.lastIndexOf(':');
  const [key = '', value] = text.slice(0, at).split('=');
  return { key, ...(value ? { value } : {}), effect: text.slice(at + 1) as Taint['effect'] };
};
