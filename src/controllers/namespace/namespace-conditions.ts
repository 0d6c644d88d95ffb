import type { NamespaceCondition } from '../../api/types/core-v1.ts';
import { rfc3339 } from '../pods.ts';

/** What is still in a namespace that is being deleted. */
export interface Remainder {
  /** `pods.` or `deployments.apps` -> how many. */
  resources: ReadonlyMap<string, number>;
  /** Finalizer -> on how many objects. */
  finalizers: ReadonlyMap<string, number>;
  failures: readonly string[];
}

/** The five conditions by which upstream tells how a deletion goes. */
export const conditionsOf = (before: readonly NamespaceCondition[], remainder: Remainder, now: number): NamespaceCondition[] => {
  const lines = (entries: ReadonlyMap<string, number>, text: (name: string, count: number) => string): string =>
    [...entries]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, count]) => text(name, count))
      .join(', ');
  const { resources, finalizers, failures } = remainder;
  const said: Omit<NamespaceCondition, 'lastTransitionTime'>[] = [
    {
      type: 'NamespaceDeletionDiscoveryFailure',
      status: 'False',
      reason: 'ResourcesDiscovered',
      message: 'All resources successfully discovered',
    },
    {
      type: 'NamespaceDeletionGroupVersionParsingFailure',
      status: 'False',
      reason: 'ParsedGroupVersions',
      message: 'All legacy kube types successfully parsed',
    },
    failures.length > 0
      ? {
          type: 'NamespaceDeletionContentFailure',
          status: 'True',
          reason: 'ContentDeletionFailed',
          message: `Failed to delete all resource types, ${failures.length} remaining: ${failures.join(', ')}`,
        }
      : {
          type: 'NamespaceDeletionContentFailure',
          status: 'False',
          reason: 'ContentDeleted',
          message: 'All content successfully deleted, may be waiting on finalization',
        },
    resources.size > 0
      ? {
          type: 'NamespaceContentRemaining',
          status: 'True',
          reason: 'SomeResourcesRemain',
          message: `Some resources are remaining: ${lines(resources, (name, count) => `${name} has ${count} resource instances`)}`,
        }
      : { type: 'NamespaceContentRemaining', status: 'False', reason: 'ContentRemoved', message: 'All content successfully removed' },
    finalizers.size > 0
      ? {
          type: 'NamespaceFinalizersRemaining',
          status: 'True',
          reason: 'SomeFinalizersRemain',
          message: `Some content in the namespace has finalizers remaining: ${lines(finalizers, (name, count) => `${name} in ${count} resource instances`)}`,
        }
      : {
          type: 'NamespaceFinalizersRemaining',
          status: 'False',
          reason: 'ContentHasNoFinalizers',
          message: 'All content-preserving finalizers finished',
        },
  ];
  return said.map((condition) => {
    const old = before.find((candidate) => candidate.type === condition.type);
    const isSame = old?.status === condition.status;
    return { ...condition, lastTransitionTime: isSame ? (old.lastTransitionTime ?? rfc3339(now)) : rfc3339(now) };
  });
};
