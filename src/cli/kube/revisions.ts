import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../../api/meta/object.ts';
import { CommandError } from '../errors.ts';
import { fetchObjects } from './fetch.ts';
import { builtinResource } from './resource-catalog.ts';
import type { Session } from './session.ts';
import { selectorOf } from './workloads.ts';

const REVISION = 'deployment.kubernetes.io/revision';
const CHANGE_CAUSE = 'kubernetes.io/change-cause';

export interface Revision {
  number: number;
  changeCause: string;
  /** The pod template, without the controller's own label. */
  template: { metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> }; spec?: unknown };
}

/** The revisions of a Deployment, oldest first: its ReplicaSets. Throws CommandError for other kinds. */
export const revisionsOf = async (session: Session, object: KubeObject): Promise<Revision[]> => {
  if (object.kind !== 'Deployment') throw new CommandError(`no history viewer has been implemented for "${object.kind}"`);
  const replicaSets = await fetchObjects(
    { ...session, namespace: object.metadata.namespace ?? session.namespace },
    { resource: builtinResource('replicasets', 'apps') },
    { labelSelector: selectorOf(object, builtinResource('deployments', 'apps')) },
  );
  return replicaSets
    .filter((set) => set.metadata.ownerReferences?.some((owner) => owner.uid === object.metadata.uid && owner.controller))
    .filter((set) => set.metadata.annotations?.[REVISION])
    .map((set) => ({
      number: Number(set.metadata.annotations?.[REVISION]),
      changeCause: set.metadata.annotations?.[CHANGE_CAUSE] ?? '<none>',
      template: withoutHash((set['spec'] as { template: Revision['template'] }).template),
    }))
    .sort((one, other) => one.number - other.number);
};

const withoutHash = (template: Revision['template']): Revision['template'] => {
  const { 'pod-template-hash': _, ...labels } = template.metadata?.labels ?? {};
  return { ...template, metadata: { ...template.metadata, labels } };
};

/** The revision to go back to: the one asked for, or the one before the newest. Throws CommandError. */
export const revisionToUndo = (revisions: readonly Revision[], wanted: number): Revision => {
  const found = wanted > 0 ? revisions.find((revision) => revision.number === wanted) : revisions.at(-2);
  if (!found)
    throw new CommandError(
      wanted > 0 ? `unable to find specified revision ${wanted} in history` : 'no rollout history found for deployment',
    );
  return found;
};

export const sameTemplate = (one: unknown, other: unknown): boolean => isDeepStrictEqual(one, other);
