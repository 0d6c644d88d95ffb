import { lease as leases } from '../../src/api/coordination/lease.ts';
import { node as nodes } from '../../src/api/core/node.ts';
import { pod as pods } from '../../src/api/core/pod.ts';
import type { Stored } from '../../src/api/meta/object.ts';
import { isAlreadyExists } from '../../src/api/meta/status.ts';
import type { Node, Pod } from '../../src/api/types/core-v1.ts';
import { createLogger } from '../../src/base/log/logger.ts';
import type { Client } from '../../src/client/client.ts';
import { createInformer } from '../../src/client/informer/informer.ts';

/**
 * Nodes without machines: pods are bound to them in turn, run and become ready at once, and go when they are deleted. A node
 * that is killed stops renewing its lease and acts no more. Stands in for scheduler and agents where controllers are tested.
 */
export class FakeNodes {
  readonly #client: Client;
  readonly #alive = new Set<string>();
  readonly #informer;
  readonly #namespace: string | undefined;
  readonly #failures: unknown[] = [];
  #turn = 0;
  #address = 0;
  #renewals: NodeJS.Timeout | undefined;
  /** Whether a pod that runs becomes ready; tests may hold it back. */
  becomesReady: (pod: Stored<Pod>) => boolean = () => true;

  constructor(client: Client, options: { namespace?: string } = {}) {
    this.#client = client;
    this.#namespace = options.namespace;
    this.#informer = createInformer<Pod>({ client, resource: pods, log: createLogger({ level: 'silent' }) });
  }

  async start(names: readonly string[]): Promise<void> {
    for (const name of names) await this.add(name);
    this.#informer.addHandler({ add: (pod) => this.#act(pod), update: (pod) => this.#act(pod) });
    this.#informer.start();
    await this.#informer.synced;
    this.#renewals = setInterval(() => void Promise.all([...this.#alive].map((name) => this.#renew(name))), 1000);
  }

  async stop(): Promise<void> {
    clearInterval(this.#renewals);
    await this.#informer.stop();
  }

  async add(name: string): Promise<void> {
    const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
    await this.#client.create<Stored<Node>>(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name } }).catch(unlessExists);
    const ready = { type: 'Ready', status: 'True', reason: 'KubeletReady', message: '', lastHeartbeatTime: now, lastTransitionTime: now };
    const patch = { status: { conditions: [ready] } };
    await this.#client.patch(nodes, { name, subresource: 'status' }, patch, { type: 'application/merge-patch+json' });
    const lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { namespace: 'kube-node-lease', name },
      spec: { holderIdentity: name, leaseDurationSeconds: 40, renewTime: microTime() },
    };
    await this.#client.create(leases, lease).catch(unlessExists);
    this.#alive.add(name);
  }

  /** Power failure. */
  kill(name: string): void {
    this.#alive.delete(name);
  }

  get pods(): readonly Stored<Pod>[] {
    return this.#informer.list();
  }

  async #renew(name: string): Promise<void> {
    const target = { namespace: 'kube-node-lease', name };
    await this.#client
      .patch(leases, target, { spec: { renewTime: microTime() } }, { type: 'application/merge-patch+json' })
      .catch((error: unknown) => this.#failures.push(error));
  }

  #act(pod: Stored<Pod>): void {
    if (this.#namespace && pod.metadata.namespace !== this.#namespace) return;
    // A pod that changed meanwhile comes again by its own event.
    void this.#step(pod).catch((error: unknown) => this.#failures.push(error));
  }

  async #step(pod: Stored<Pod>): Promise<void> {
    const { namespace, name = '' } = pod.metadata;
    const nodeName = pod.spec?.nodeName;
    if (!nodeName) {
      if (pod.metadata.deletionTimestamp) return;
      const candidates = [...this.#alive];
      const wanted =
        pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms[0]?.matchFields?.[0]
          ?.values?.[0];
      const target = wanted ?? candidates[this.#turn++ % candidates.length];
      if (!target) return;
      const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name, namespace }, target: { kind: 'Node', name: target } };
      await this.#client.create(pods, binding, { namespace, name, subresource: 'binding' });
      return;
    }
    if (!this.#alive.has(nodeName)) return;
    if (pod.metadata.deletionTimestamp) {
      await this.#client.delete(pods, { namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid: pod.metadata.uid } });
      return;
    }
    const end = pod.metadata.annotations?.['test/ends'];
    if (pod.status?.phase === 'Pending') await this.#run(pod);
    else if (pod.status?.phase === 'Running' && end) await this.#end(pod, end);
  }

  /** As the annotation `test/ends` says: Succeeded or Failed. */
  async #end(pod: Stored<Pod>, phase: string): Promise<void> {
    const { namespace, name = '' } = pod.metadata;
    const conditions = [{ type: 'Ready', status: 'False', lastTransitionTime: new Date().toISOString().replace(/\.\d+Z$/, 'Z') }];
    const patch = { status: { phase, conditions } };
    await this.#client.patch(pods, { namespace, name, subresource: 'status' }, patch, { type: 'application/strategic-merge-patch+json' });
  }

  async #run(pod: Stored<Pod>): Promise<void> {
    const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
    const status = this.becomesReady(pod) ? 'True' : 'False';
    this.#address += 1;
    const ip = `10.244.${Math.floor(this.#address / 250)}.${(this.#address % 250) + 1}`;
    const condition = (type: string) => ({ type, status, lastTransitionTime: now });
    await this.#client.update<Stored<Pod>>(
      pods,
      {
        ...pod,
        status: {
          ...pod.status,
          phase: 'Running',
          podIP: ip,
          podIPs: [{ ip }],
          startTime: now,
          conditions: [
            ...(pod.status?.conditions ?? []).filter(({ type }) => type === 'PodScheduled'),
            { type: 'Initialized', status: 'True', lastTransitionTime: now },
            condition('Ready'),
            condition('ContainersReady'),
          ],
        },
      },
      { subresource: 'status' },
    );
  }
}

const unlessExists = (error: unknown): void => {
  if (!isAlreadyExists(error)) throw error;
};

const microTime = (): string => new Date().toISOString().replace('Z', '000Z');
