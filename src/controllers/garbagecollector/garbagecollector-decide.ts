import type { KubeObject } from '../../api/meta/object.ts';
import type { OwnerReference } from '../../api/types/meta-v1.ts';

export const FOREGROUND = 'foregroundDeletion';
export const ORPHAN = 'orphan';

/** What is known of one owner: there, gone for sure, waiting for its dependents to go first, or not to be known. */
export type OwnerState = 'solid' | 'absent' | 'waiting' | 'unknown';

export type Verdict =
  | { kind: 'keep' }
  /** References to owners that are gone are taken off. */
  | { kind: 'release'; keep: readonly OwnerReference[] }
  | { kind: 'delete'; policy: 'Orphan' | 'Background' | 'Foreground' };

/** What becomes of an object, from the state of its owners. */
export const judge = (
  object: KubeObject,
  owners: readonly { reference: OwnerReference; state: OwnerState }[],
  hasDependents: boolean,
): Verdict => {
  if (owners.length === 0) return { kind: 'keep' };
  // One owner that cannot be looked up might live: then nothing is done, by safety.
  if (owners.some(({ state }) => state === 'unknown')) return { kind: 'keep' };
  const solid = owners.filter(({ state }) => state === 'solid');
  const waiting = owners.filter(({ state }) => state === 'waiting');
  if (solid.length > 0)
    return solid.length === owners.length ? { kind: 'keep' } : { kind: 'release', keep: solid.map(({ reference }) => reference) };
  if (waiting.length > 0 && hasDependents) return { kind: 'delete', policy: 'Foreground' };
  const finalizers = object.metadata.finalizers ?? [];
  if (finalizers.includes(ORPHAN)) return { kind: 'delete', policy: 'Orphan' };
  if (finalizers.includes(FOREGROUND)) return { kind: 'delete', policy: 'Foreground' };
  return { kind: 'delete', policy: 'Background' };
};

export const isWaitingForDependents = (object: KubeObject): boolean =>
  object.metadata.deletionTimestamp !== undefined && (object.metadata.finalizers ?? []).includes(FOREGROUND);

export const isOrphaning = (object: KubeObject): boolean =>
  object.metadata.deletionTimestamp !== undefined && (object.metadata.finalizers ?? []).includes(ORPHAN);

/** Whether the dependent keeps its owner from going: only when it says so. */
export const blocks = (dependent: KubeObject, ownerUid: string): boolean =>
  (dependent.metadata.ownerReferences ?? []).some(({ uid, blockOwnerDeletion }) => uid === ownerUid && blockOwnerDeletion === true);

/** The references without their hold on the owners; undefined when none of them holds one. */
export const unblockedReferences = (references: readonly OwnerReference[]): OwnerReference[] | undefined =>
  references.some(({ blockOwnerDeletion }) => blockOwnerDeletion)
    ? references.map((reference) => (reference.blockOwnerDeletion ? { ...reference, blockOwnerDeletion: false } : reference))
    : undefined;
