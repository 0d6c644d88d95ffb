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

/**
 * The revisions of a workload, oldest first: the ReplicaSets of a Deployment, the ControllerRevisions of a DaemonSet or StatefulSet.
 * Throws CommandError for other kinds.
 */
export const revisionsOf = async (session: Session, object: KubeObject): Promise<Revision[]> => {
  const isDeployment = object.kind === 'Deployment';
  if (!isDeployment && object.kind !== 'DaemonSet' && object.kind !== 'StatefulSet')
    throw new CommandError(`no history viewer has been implemented for "${object.kind}"`);
  const found = await fetchObjects(
    { ...session, namespace: object.metadata.namespace ?? session.namespace },
    { resource: builtinResource(isDeployment ? 'replicasets' : 'controllerrevisions', 'apps') },
    { labelSelector: selectorOf(object, builtinResource(`${object.kind?.toLowerCase()}s`, 'apps')) },
  );
  return found
    .filter((each) => each.metadata.ownerReferences?.some((owner) => owner.uid === object.metadata.uid && owner.controller))
    .flatMap((each) => (isDeployment ? ofReplicaSet(each) : [ofControllerRevision(each)]))
    .sort((one, other) => one.number - other.number);
};

const ofReplicaSet = (set: KubeObject): Revision[] => {
  const number = set.metadata.annotations?.[REVISION];
  if (!number) return [];
  const { template } = set['spec'] as { template: Revision['template'] };
  return [{ number: Number(number), changeCause: changeCauseOf(set), template: withoutHash(template) }];
};

/** Its data is the patch that brings the workload back: the whole template, marked as a replacement. */
const ofControllerRevision = (revision: KubeObject): Revision => {
  const { spec } = revision['data'] as { spec: { template: Revision['template'] & { $patch?: string } } };
  const { $patch: _, ...template } = spec.template;
  return { number: Number(revision['revision']), changeCause: changeCauseOf(revision), template };
};

const changeCauseOf = (object: KubeObject): string => object.metadata.annotations?.[CHANGE_CAUSE] ?? '<none>';

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

/** Some writers spell out that a template has no time of creation. */
export const sameTemplate = (one: Revision['template'], other: Revision['template']): boolean => {
  const plain = ({ metadata, ...rest }: Revision['template']): object => {
    const { creationTimestamp: _, ...more } = (metadata ?? {}) as Record<string, unknown>;
    return { ...rest, metadata: more };
  };
  return isDeepStrictEqual(plain(one), plain(other));
};
