import { node as nodes } from '../../api/core/node.ts';
import { pod as pods } from '../../api/core/pod.ts';
import type { Stored } from '../../api/meta/object.ts';
import { hasReason, isNotFound } from '../../api/meta/status.ts';
import type { Node, Pod } from '../../api/types/core-v1.ts';
import type { Controller, ControllerContext, Reconciler } from '../controller.ts';
import { isPodFinished, rfc3339 } from '../pods.ts';
import { type Garbage, garbageOf } from './podgc-decide.ts';

/** Removes pods that no agent will ever remove. One key: it looks at all pods at once. */
export const podGcController: Controller = {
  name: 'pod-garbage-collector',
  serviceAccount: 'pod-garbage-collector',
  workers: 1,
  build: (context) => {
    const allNodes = context.informers.of<Node>(nodes);
    const allPods = context.informers.of<Pod>(pods);
    /** When a node that pods name was first seen to be missing. */
    const missingSince = new Map<string, number>();
    return {
      watches: [
        (enqueue) => {
          enqueue(ALL);
          return allNodes.addHandler({ update: () => enqueue(ALL), delete: () => enqueue(ALL) });
        },
        (enqueue) => allPods.addHandler({ update: (pod) => !pod.spec?.nodeName && pod.metadata.deletionTimestamp && enqueue(ALL) }),
      ],
      sync: async () => {
        const goneNodes = await findGoneNodes(context, missingSince);
        const known = new Map(allNodes.list().map((node) => [node.metadata.name ?? '', node]));
        const garbage = garbageOf({ pods: allPods.list(), nodes: known, goneNodes, threshold: FINISHED_THRESHOLD });
        for (const item of garbage) await collect(context, item);
        const soon = missingSince.size > goneNodes.size;
        return { requeueAfterMs: soon ? QUARANTINE_MS : INTERVAL_MS };
      },
    } satisfies Reconciler;
  },
};

const ALL = 'all pods';
const INTERVAL_MS = 20_000;
/** A pod may be seen before its node; upstream waits 40 s. The server is asked before anything is deleted. */
const QUARANTINE_MS = 5000;
const FINISHED_THRESHOLD = 12_500;

const findGoneNodes = async (context: ControllerContext, missingSince: Map<string, number>): Promise<Set<string>> => {
  const { client, informers, now } = context;
  const allNodes = informers.of<Node>(nodes);
  const named = new Set(
    informers
      .of<Pod>(pods)
      .list()
      .flatMap((pod) => pod.spec?.nodeName ?? []),
  );
  const missing = new Set([...named].filter((name) => !allNodes.get(name)));
  for (const name of missingSince.keys()) if (!missing.has(name)) missingSince.delete(name);
  const gone = new Set<string>();
  for (const name of missing) {
    const since = missingSince.get(name) ?? now();
    missingSince.set(name, since);
    if (now() - since < QUARANTINE_MS) continue;
    const isThere = await client.get(nodes, { name }).then(
      () => true,
      (error: unknown) => {
        if (isNotFound(error)) return false;
        throw error;
      },
    );
    if (!isThere) gone.add(name);
  }
  return gone;
};

const collect = async (context: ControllerContext, { pod, reason }: Garbage): Promise<void> => {
  const { client, log, now } = context;
  const { namespace, name = '', uid } = pod.metadata;
  log.info('removing a pod that nobody else will', { pod: `${namespace}/${name}`, reason });
  try {
    if (!isPodFinished(pod) && reason !== 'unscheduled') await markFailed(context, pod, rfc3339(now()));
    await client.delete(pods, { namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid } });
  } catch (error) {
    if (!isNotFound(error) && !hasReason(error, 'Conflict')) throw error;
  }
};

/** So that Jobs count it as failed, for a reason that is not its own. */
const markFailed = async (context: ControllerContext, pod: Stored<Pod>, time: string): Promise<void> => {
  const { namespace, name = '', uid } = pod.metadata;
  const condition = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'DeletionByPodGC',
    message: 'PodGC: node no longer exists',
    lastTransitionTime: time,
  };
  await context.client.patch(
    pods,
    { namespace, name, subresource: 'status' },
    { metadata: { uid }, status: { phase: 'Failed', conditions: [condition] } },
    { type: 'application/strategic-merge-patch+json' },
  );
};
