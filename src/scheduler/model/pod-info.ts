import { keyOf, type Stored } from '../../api/meta/object.ts';
import type { Labels } from '../../api/meta/selector.ts';
import type { Pod, PodSpec, Toleration } from '../../api/types/core-v1.ts';
import { compileNodeAffinity, type NodeMatcher, type WeightedNodeMatcher } from './node-affinity.ts';
import { compilePodTerms, type PodTerms } from './pod-terms.ts';
import { podRequests, type Resources, scoringRequests } from './resources.ts';

export interface HostPort {
  protocol: string;
  /** `0.0.0.0` for all addresses. */
  hostIp: string;
  port: number;
}

/** A pod with everything that scheduling asks of it, worked out once. */
export interface PodInfo {
  readonly pod: Stored<Pod>;
  readonly spec: PodSpec;
  readonly uid: string;
  readonly key: string;
  readonly namespace: string;
  readonly labels: Labels;
  readonly priority: number;
  readonly terminating: boolean;
  readonly requests: Resources;
  readonly scoring: { cpu: number; memory: number };
  readonly hostPorts: readonly HostPort[];
  readonly tolerations: readonly Toleration[];
  /** nodeSelector and required node affinity; undefined when any node will do. */
  readonly nodeMatcher: NodeMatcher | undefined;
  readonly preferredNodes: readonly WeightedNodeMatcher[];
  readonly terms: PodTerms;
  readonly images: readonly string[];
  /** Names of the claims that its volumes use; generic ephemeral ones by the name that the controller gives them. */
  readonly claims: readonly string[];
}

const NO_LABELS: Labels = Object.freeze({});

export const podInfoOf = (pod: Stored<Pod>): PodInfo => {
  const spec = pod.spec ?? { containers: [] };
  const affinity = compileNodeAffinity(spec);
  return {
    pod,
    spec,
    uid: pod.metadata.uid ?? '',
    key: keyOf(pod),
    namespace: pod.metadata.namespace ?? '',
    labels: pod.metadata.labels ?? NO_LABELS,
    priority: spec.priority ?? 0,
    terminating: pod.metadata.deletionTimestamp !== undefined,
    requests: podRequests(spec),
    scoring: scoringRequests(spec),
    hostPorts: hostPortsOf(spec),
    tolerations: spec.tolerations ?? [],
    nodeMatcher: affinity.required,
    preferredNodes: affinity.preferred,
    terms: compilePodTerms(pod),
    images: [...(spec.initContainers ?? []), ...spec.containers].map((container) => normalImageName(container.image ?? '')),
    claims: (spec.volumes ?? []).flatMap((volume) =>
      volume.persistentVolumeClaim
        ? [volume.persistentVolumeClaim.claimName]
        : volume.ephemeral
          ? [`${pod.metadata.name}-${volume.name}`]
          : [],
    ),
  };
};

const hostPortsOf = (spec: PodSpec): HostPort[] =>
  [...spec.containers, ...(spec.initContainers ?? []).filter((container) => container.restartPolicy === 'Always')].flatMap((container) =>
    (container.ports ?? [])
      .filter((port) => (port.hostPort ?? 0) > 0)
      .map((port) => ({ protocol: port.protocol ?? 'TCP', hostIp: port.hostIP || '0.0.0.0', port: port.hostPort ?? 0 })),
  );

/** As nodes report their images: with a tag. */
export const normalImageName = (name: string): string => (name.lastIndexOf(':') <= name.lastIndexOf('/') ? `${name}:latest` : name);

/** Pods that the scheduler takes: its own, not bound, not gated away, not on their way out. */
export const isTerminal = (pod: Stored<Pod>): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
