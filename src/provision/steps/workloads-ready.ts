import { daemonSet } from '../../api/apps/daemon-set.ts';
import { deployment } from '../../api/apps/deployment.ts';
import { statefulSet } from '../../api/apps/stateful-set.ts';
import { pod as pods } from '../../api/core/pod.ts';
import type { ResourceName, Stored } from '../../api/meta/object.ts';
import type { DaemonSet, Deployment, StatefulSet } from '../../api/types/apps-v1.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { Client } from '../../client/client.ts';
import type { ClusterContext } from '../cluster-context.ts';
import { requireClient } from './nodes-ready.ts';
import type { Step } from './step.ts';
import { waitFor } from './wait.ts';

/** Without --timeout. */
const TIMEOUT_MS = 300_000;
/** Pulling images takes seconds: asking more often only costs. */
const LOOK_MS = 250;
/** So many are named in a message. */
const NAMED = 5;

/** With --wait: Deployments, DaemonSets, StatefulSets and pods of every namespace are ready. */
export const workloadsReady: Step<ClusterContext> = {
  name: 'workloads-ready',
  title: 'Waiting for workloads',
  needs: ['nodes-ready', 'demo', 'manifests'],
  wanted: (context) => context.options.wait === true,
  apply: async (context, report) => {
    await awaitWorkloads(requireClient(context), {
      signal: context.signal,
      timeoutMs: context.options.timeoutMs ?? TIMEOUT_MS,
      report,
      advice: ['slipway get pods -A', `slipway up ${context.spec.name} --keep --wait`],
    });
    return { changed: false };
  },
};

/** Throws STEP_FAILED that names what is not ready. */
export const awaitWorkloads = async (
  client: Client,
  options: { signal: AbortSignal; timeoutMs: number; report: (detail: string) => void; advice?: readonly string[] },
): Promise<void> => {
  let lookedAt = 0;
  await waitFor(
    async () => {
      if (Date.now() - lookedAt < LOOK_MS) return undefined;
      lookedAt = Date.now();
      const unready = await unreadyIn(client);
      if (!unready.length) return true;
      options.report(unready[0] as string);
      throw new Error(`${unready.slice(0, NAMED).join('; ')}${unready.length > NAMED ? `; and ${unready.length - NAMED} more` : ''}`);
    },
    {
      signal: options.signal,
      timeoutMs: options.timeoutMs,
      tried: 'see all workloads ready',
      ...(options.advice ? { advice: options.advice } : {}),
    },
  );
};

const unreadyIn = async (client: Client): Promise<string[]> => {
  const list = async <T>(resource: ResourceName): Promise<Stored<T>[]> => (await client.list<Stored<T>>(resource)).items;
  const [deployments, daemonSets, statefulSets, all] = await Promise.all([
    list<Deployment>(deployment),
    list<DaemonSet>(daemonSet),
    list<StatefulSet>(statefulSet),
    list<Pod>(pods),
  ]);
  return [
    ...deployments.filter((each) => !isRolledOut(each, each.spec?.replicas ?? 1, each.status?.availableReplicas)).map(named('deployment')),
    ...daemonSets
      .filter((each) => !isRolledOut(each, each.status?.desiredNumberScheduled ?? 0, each.status?.numberAvailable))
      .map(named('daemonset')),
    ...statefulSets.filter((each) => !isRolledOut(each, each.spec?.replicas ?? 1, each.status?.readyReplicas)).map(named('statefulset')),
    ...all.filter((pod) => !isDone(pod)).map((pod) => `${named('pod')(pod)}: ${reasonOf(pod)}`),
  ];
};

const named =
  (kind: string) =>
  ({ metadata }: Stored<unknown>): string =>
    `${kind} ${metadata.namespace}/${metadata.name}`;

const isRolledOut = (object: Stored<{ status?: { observedGeneration?: number } }>, wanted: number, ready: number | undefined): boolean =>
  (object.status?.observedGeneration ?? 0) >= (object.metadata.generation ?? 0) && (ready ?? 0) >= wanted;

/** A failed pod that something owns is replaced, or was meant to end so: its owner's state tells. */
const isDone = ({ metadata, status }: Stored<Pod>): boolean =>
  status?.phase === 'Succeeded' ||
  (status?.phase === 'Failed' && Boolean(metadata.ownerReferences?.length)) ||
  (status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false);

const reasonOf = ({ status }: Pod): string => {
  const waiting = status?.containerStatuses?.find((container) => container.state?.waiting)?.state?.waiting;
  const unscheduled = status?.conditions?.find(({ type, status: is }) => type === 'PodScheduled' && is === 'False');
  return waiting?.message || waiting?.reason || unscheduled?.message || status?.phase || 'not ready';
};
