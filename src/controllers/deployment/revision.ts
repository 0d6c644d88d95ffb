import type { Stored } from '../../api/meta/object.ts';
import type { Deployment, ReplicaSet } from '../../api/types/apps-v1.ts';

export const HASH_LABEL = 'pod-template-hash';
export const REVISION = 'deployment.kubernetes.io/revision';
const REVISION_HISTORY = 'deployment.kubernetes.io/revision-history';
/** The deployment's size and the most pods it might have, when the set was last sized. */
export const DESIRED_REPLICAS = 'deployment.kubernetes.io/desired-replicas';
export const MAX_REPLICAS = 'deployment.kubernetes.io/max-replicas';

const NOT_COPIED = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  REVISION,
  REVISION_HISTORY,
  DESIRED_REPLICAS,
  MAX_REPLICAS,
  'deprecated.deployment.rollback.to',
]);

type Annotations = Record<string, string>;

const MAX_REVISION = 2n ** 63n - 1n;

/** 0 where there is none, or one that no 64 bits hold. Whoever made an adopted set may have begun to count anywhere. */
export const revisionOf = (object: { metadata: { annotations?: Annotations } }): bigint => {
  const text = object.metadata.annotations?.[REVISION] ?? '';
  const revision = /^\d{1,19}$/.test(text) ? BigInt(text) : 0n;
  return revision <= MAX_REVISION ? revision : 0n;
};

export const nextRevision = (oldSets: readonly Stored<ReplicaSet>[]): bigint => {
  let highest = 0n;
  for (const revision of oldSets.map(revisionOf)) if (revision > highest) highest = revision;
  return highest + 1n;
};

/** The annotations of the set of the current template: the deployment's own, and a revision above all others. */
export const newSetAnnotations = (
  deployment: Stored<Deployment>,
  set: { metadata: { annotations?: Annotations } } | undefined,
  revision: bigint,
): Annotations => {
  const annotations: Annotations = { ...set?.metadata.annotations };
  for (const [name, value] of Object.entries(deployment.metadata.annotations ?? {})) if (!NOT_COPIED.has(name)) annotations[name] = value;
  const old = set ? revisionOf(set) : 0n;
  if (old < revision) {
    annotations[REVISION] = String(revision);
    // A template that comes back (an undo) keeps the numbers it had.
    if (old > 0n) annotations[REVISION_HISTORY] = [annotations[REVISION_HISTORY], String(old)].filter(Boolean).join(',');
  }
  return annotations;
};

export const sizeAnnotations = (desired: number, max: number): Annotations => ({
  [DESIRED_REPLICAS]: String(desired),
  [MAX_REPLICAS]: String(max),
});
