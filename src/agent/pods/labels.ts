import { createHash } from 'node:crypto';
import type { Stored } from '../../api/meta/object.ts';
import type { Container, Pod } from '../../api/types/core-v1.ts';

/** What sandboxes and containers carry in the runtime, spelled as kubelet spells it: tools such as crictl read these. */
export const LABEL = {
  podName: 'io.kubernetes.pod.name',
  podNamespace: 'io.kubernetes.pod.namespace',
  podUid: 'io.kubernetes.pod.uid',
  containerName: 'io.kubernetes.container.name',
} as const;

export const ANNOTATION = {
  hash: 'io.kubernetes.container.hash',
  restartCount: 'io.kubernetes.container.restartCount',
  terminationMessagePath: 'io.kubernetes.container.terminationMessagePath',
  terminationMessagePolicy: 'io.kubernetes.container.terminationMessagePolicy',
  terminationGracePeriod: 'io.kubernetes.pod.terminationGracePeriod',
  ports: 'io.kubernetes.container.ports',
} as const;

/** Annotations of static pods and of the mirror that stands for them in the API. */
export const CONFIG = {
  source: 'kubernetes.io/config.source',
  seen: 'kubernetes.io/config.seen',
  hash: 'kubernetes.io/config.hash',
  mirror: 'kubernetes.io/config.mirror',
} as const;

export const podLabels = (pod: Stored<Pod>): Record<string, string> => ({
  [LABEL.podName]: pod.metadata.name ?? '',
  [LABEL.podNamespace]: pod.metadata.namespace ?? '',
  [LABEL.podUid]: pod.metadata.uid ?? '',
});

/** Changes when a container must be made anew: its image is the only field of it that may change in a running pod. */
export const containerHash = (container: Pick<Container, 'name' | 'image'>): string =>
  createHash('sha256').update(`${container.name}\n${container.image}`).digest('hex').slice(0, 8);

export const isStatic = (pod: Stored<Pod>): boolean => {
  const source = pod.metadata.annotations?.[CONFIG.source];
  return source !== undefined && source !== 'api';
};

export const isMirror = (pod: Stored<Pod>): boolean => pod.metadata.annotations?.[CONFIG.mirror] !== undefined;
