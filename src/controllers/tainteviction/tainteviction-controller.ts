import { node as nodes } from '../../api/core/node.ts';
import { pod as pods } from '../../api/core/pod.ts';
import { semanticEqual } from '../../api/meta/equality.ts';
import { keyOf, type Stored } from '../../api/meta/object.ts';
import { hasReason, isNotFound } from '../../api/meta/status.ts';
import type { Node, Pod } from '../../api/types/core-v1.ts';
import type { Controller, ControllerContext, Reconciler } from '../controller.ts';
import { regarding } from '../event-recorder.ts';
import { isPodFinished, rfc3339 } from '../pods.ts';
import { msToEviction } from './tainteviction-decide.ts';

/** Pods leave nodes with NoExecute taints that they do not tolerate, or no longer. */
export const taintEvictionController: Controller = {
  name: 'taint-eviction',
  serviceAccount: 'node-controller',
  build: (context) => {
    const allNodes = context.informers.of<Node>(nodes);
    const allPods = context.informers.of<Pod>(pods);
    allPods.addIndex('node', (pod) => (pod.spec?.nodeName ? [pod.spec.nodeName] : []));
    const isTainted = (node: Node | undefined): boolean => node?.spec?.taints?.some(({ effect }) => effect === 'NoExecute') ?? false;
    const ofNode = (node: Stored<Node>, enqueue: (key: string) => void): void => {
      for (const pod of allPods.byIndex('node', node.metadata.name ?? '')) enqueue(keyOf(pod));
    };
    const ofPod = (pod: Stored<Pod>, enqueue: (key: string) => void): void => {
      if (isTainted(allNodes.get(pod.spec?.nodeName ?? ''))) enqueue(keyOf(pod));
    };
    return {
      watches: [
        (enqueue) =>
          allNodes.addHandler({
            add: (node) => isTainted(node) && ofNode(node, enqueue),
            update: (node, old) => isTainted(node) && !semanticEqual(node.spec?.taints, old.spec?.taints) && ofNode(node, enqueue),
          }),
        (enqueue) => allPods.addHandler({ add: (pod) => ofPod(pod, enqueue), update: (pod) => ofPod(pod, enqueue) }),
      ],
      sync: async (key) => {
        const pod = allPods.get(key);
        if (!pod || pod.metadata.deletionTimestamp || isPodFinished(pod)) return undefined;
        const taints = allNodes.get(pod.spec?.nodeName ?? '')?.spec?.taints ?? [];
        const waitMs = msToEviction(taints, pod.spec?.tolerations ?? [], context.now());
        if (waitMs === undefined) return undefined;
        if (waitMs > 0) return { requeueAfterMs: waitMs };
        await evict(context, pod);
        return undefined;
      },
    } satisfies Reconciler;
  },
};

const evict = async (context: ControllerContext, pod: Stored<Pod>): Promise<void> => {
  const { client, events, now } = context;
  const { namespace, name = '', uid } = pod.metadata;
  const condition = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'DeletionByTaintManager',
    message: 'Taint manager: deleting due to NoExecute taint',
    lastTransitionTime: rfc3339(now()),
  };
  try {
    await client.patch(
      pods,
      { namespace, name, subresource: 'status' },
      { metadata: { uid }, status: { conditions: [condition] } },
      { type: 'application/strategic-merge-patch+json' },
    );
    await client.delete(pods, { namespace, name }, { preconditions: { uid } });
    events.record(regarding(pods, pod), 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${namespace}/${name}`);
  } catch (error) {
    if (!isNotFound(error) && !hasReason(error, 'Conflict')) throw error;
  }
};
