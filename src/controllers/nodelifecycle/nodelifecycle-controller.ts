import { lease as leases } from '../../api/coordination/lease.ts';
import { node as nodes } from '../../api/core/node.ts';
import { pod as pods } from '../../api/core/pod.ts';
import { semanticEqual } from '../../api/meta/equality.ts';
import type { Stored } from '../../api/meta/object.ts';
import { isNotFound } from '../../api/meta/status.ts';
import type { Lease } from '../../api/types/coordination-v1.ts';
import type { Node, Pod } from '../../api/types/core-v1.ts';
import type { InformerReads } from '../../client/informer/informer.ts';
import { type Controller, type ControllerContext, type Reconciler, type SyncResult, watchOf } from '../controller.ts';
import { regarding } from '../event-recorder.ts';
import { isPodReady, rfc3339 } from '../pods.ts';
import { readyStatusOf, silentConditions, taintsOf } from './nodelifecycle-decide.ts';

/**
 * Notices nodes that have gone silent: says so in their status, takes their pods out of Services at once, and taints them.
 * What the taints do to pods is the taint eviction's.
 */
export const nodeLifecycleController: Controller = {
  name: 'node-lifecycle',
  serviceAccount: 'node-controller',
  build: (context) => new NodeLifecycle(context),
};

const DEFAULT_GRACE_SECONDS = 10;

class NodeLifecycle implements Reconciler {
  readonly watches: Reconciler['watches'];
  readonly #context: ControllerContext;
  readonly #nodes: InformerReads<Node>;
  readonly #pods: InformerReads<Pod>;
  readonly #graceMs: number;
  /** When each node was last heard of, by this process's clock: clocks of nodes may be wrong. */
  readonly #heardOf = new Map<string, number>();
  #allSilent = false;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#nodes = context.informers.of<Node>(nodes);
    this.#pods = context.informers.of<Pod>(pods);
    this.#graceMs = (context.config.nodeMonitorGraceSeconds ?? DEFAULT_GRACE_SECONDS) * 1000;
    this.#pods.addIndex('node', (pod) => (pod.spec?.nodeName ? [pod.spec.nodeName] : []));
    const heard = (name: string | undefined): void => void this.#heardOf.set(name ?? '', context.now());
    const nodeLeases = context.informers.of<Lease>(leases, { namespace: 'kube-node-lease' });
    nodeLeases.addHandler({
      add: (lease) => heard(lease.metadata.name),
      update: (lease, old) => lease.spec?.renewTime !== old.spec?.renewTime && heard(lease.metadata.name),
    });
    this.#nodes.addHandler({
      add: (node) => heard(node.metadata.name),
      update: (node, old) => heartbeatOf(node) !== heartbeatOf(old) && heard(node.metadata.name),
      delete: (node) => this.#heardOf.delete(node.metadata.name ?? ''),
    });
    this.watches = [
      watchOf(this.#nodes, (node) => [node.metadata.name ?? '']),
      // A pod that was bound to a node while it died is not ready either.
      (enqueue) =>
        this.#pods.addHandler({ update: (pod) => this.#isOnSilentNode(pod) && isPodReady(pod) && enqueue(pod.spec?.nodeName ?? '') }),
    ];
  }

  async sync(name: string): Promise<SyncResult | undefined> {
    const node = this.#nodes.get(name);
    if (!node) return undefined;
    const silentMs = this.#context.now() - (this.#heardOf.get(name) ?? 0);
    const isSilent = silentMs >= this.#graceMs;
    const current = isSilent && readyStatusOf(node) !== 'Unknown' ? await this.#markSilent(node) : node;
    this.#judgeAll(current);
    if (readyStatusOf(current) === 'Unknown') await this.#markPodsNotReady(name);
    await this.#taint(current);
    return { requeueAfterMs: isSilent ? undefined : this.#graceMs - silentMs + 50 };
  }

  #isOnSilentNode(pod: Stored<Pod>): boolean {
    const node = this.#nodes.get(pod.spec?.nodeName ?? '');
    return node !== undefined && readyStatusOf(node) === 'Unknown';
  }

  async #markSilent(node: Stored<Node>): Promise<Stored<Node>> {
    const { client, events, log, now } = this.#context;
    const { name } = node.metadata;
    log.warn('a node has gone silent', { node: name });
    const conditions = silentConditions(node, now());
    const marked = await client.update<Stored<Node>>(nodes, { ...node, status: { ...node.status, conditions } }, { subresource: 'status' });
    events.record(regarding(nodes, node), 'Normal', 'NodeNotReady', `Node ${name} status is now: NodeNotReady`);
    return marked;
  }

  /** When the last ready node goes or the first comes back, what is right for all the others changes too. */
  #judgeAll(fresh: Stored<Node>): void {
    const isReady = (node: Stored<Node>): boolean => readyStatusOf(node.metadata.name === fresh.metadata.name ? fresh : node) === 'True';
    const allSilent = !this.#nodes.list().some(isReady);
    if (allSilent === this.#allSilent) return;
    this.#allSilent = allSilent;
    const isLoss = allSilent && this.#nodes.list().some((node) => readyStatusOf(node) === 'Unknown');
    if (isLoss) this.#context.log.warn('no node is ready: nothing is evicted');
    for (const node of this.#nodes.list()) this.#context.enqueue(node.metadata.name ?? '');
  }

  async #markPodsNotReady(nodeName: string): Promise<void> {
    const { client, events, now } = this.#context;
    const ready = this.#pods.byIndex('node', nodeName).filter(isPodReady);
    await Promise.all(
      ready.map(async (pod) => {
        const { namespace, name = '', uid } = pod.metadata;
        const patch = {
          metadata: { uid },
          status: { conditions: [{ type: 'Ready', status: 'False', lastTransitionTime: rfc3339(now()) }] },
        };
        await client
          .patch(pods, { namespace, name, subresource: 'status' }, patch, { type: 'application/strategic-merge-patch+json' })
          .catch((error: unknown) => {
            if (!isNotFound(error)) throw error;
          });
        events.record(regarding(pods, pod), 'Warning', 'NodeNotReady', 'Node is not ready');
      }),
    );
  }

  async #taint(node: Stored<Node>): Promise<void> {
    const { client, now } = this.#context;
    const taints = taintsOf(node, { evict: !this.#allSilent, now: now() });
    if (semanticEqual(taints, node.spec?.taints)) return;
    const { name = '', resourceVersion } = node.metadata;
    await client.patch(nodes, { name }, { metadata: { resourceVersion }, spec: { taints } }, { type: 'application/merge-patch+json' });
  }
}

const heartbeatOf = (node: Node): string | undefined =>
  node.status?.conditions?.find(({ type, status }) => type === 'Ready' && status !== 'Unknown')?.lastHeartbeatTime;
