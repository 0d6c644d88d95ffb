import type { Stored } from '../api/meta/object.ts';
import type { Pod, PodCondition, PodTemplateSpec } from '../api/types/core-v1.ts';
import type { OwnerReference } from '../api/types/meta-v1.ts';

type Kindly = { group: string; version: string; kind: string };

export const podCondition = (pod: Pod, type: string): PodCondition | undefined =>
  pod.status?.conditions?.find((condition) => condition.type === type);

export const isPodReady = (pod: Pod): boolean => podCondition(pod, 'Ready')?.status === 'True';

/** It will not run again. */
export const isPodFinished = (pod: Pod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';

/** It runs or will run: it counts as a replica. */
export const isPodActive = (pod: Stored<Pod>): boolean => !isPodFinished(pod) && !pod.metadata.deletionTimestamp;

export const isPodTerminating = (pod: Stored<Pod>): boolean => !isPodFinished(pod) && pod.metadata.deletionTimestamp !== undefined;

/** How long until a ready pod has been ready for `minReadySeconds`; 0 when it has, undefined when it is not ready. */
export const msUntilAvailable = (pod: Pod, minReadySeconds: number, now: number): number | undefined => {
  const ready = podCondition(pod, 'Ready');
  if (ready?.status !== 'True') return undefined;
  if (minReadySeconds === 0) return 0;
  const since = Date.parse(ready.lastTransitionTime ?? '');
  return Number.isNaN(since) ? undefined : Math.max(0, since + minReadySeconds * 1000 - now);
};

export const isPodAvailable = (pod: Pod, minReadySeconds: number, now: number): boolean =>
  msUntilAvailable(pod, minReadySeconds, now) === 0;

export const controllerRefOf = (object: { metadata: { ownerReferences?: OwnerReference[] } }): OwnerReference | undefined =>
  object.metadata.ownerReferences?.find((reference) => reference.controller === true);

export const controllerRefTo = (kind: Kindly, owner: Stored<object>): OwnerReference => ({
  apiVersion: kind.group === '' ? kind.version : `${kind.group}/${kind.version}`,
  kind: kind.kind,
  name: owner.metadata.name ?? '',
  uid: owner.metadata.uid ?? '',
  controller: true,
  blockOwnerDeletion: true,
});

/** A pod of a template. Only what the template says: the API server sets the defaults. */
export const podFromTemplate = (
  template: PodTemplateSpec | undefined,
  owner: OwnerReference,
  named: { namespace: string; name: string; generateName?: string },
): Stored<Pod> => {
  const { labels, annotations, finalizers } = template?.metadata ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...named,
      labels: { ...labels },
      annotations: { ...annotations },
      ...(finalizers ? { finalizers: [...finalizers] } : {}),
      ownerReferences: [owner],
    },
    spec: structuredClone(template?.spec) as NonNullable<Pod['spec']>,
  };
};

/** Five characters that spell no words, as the API server makes them for generateName. */
export const randomSuffix = (random: () => number): string =>
  Array.from({ length: 5 }, () => SAFE_CHARACTERS[Math.floor(random() * SAFE_CHARACTERS.length)]).join('');

/** `web-` + suffix, cut so that the whole is a valid name. */
export const nameWithSuffix = (prefix: string, random: () => number): string => `${prefix.slice(0, 58)}${randomSuffix(random)}`;

export const SAFE_CHARACTERS = 'bcdfghjklmnpqrstvwxz2456789';

/** Kubernetes' time: seconds, no fraction. */
export const rfc3339 = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
