import { lease as leases } from '../api/coordination/lease.ts';
import { node as nodes } from '../api/core/node.ts';
import { pod as pods } from '../api/core/pod.ts';
import type { Stored } from '../api/meta/object.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../api/meta/status.ts';
import type { ContainerStatus, Node, Pod } from '../api/types/core-v1.ts';
import type { Logger } from '../base/log/logger.ts';
import type { Client } from '../client/client.ts';
import { createInformer, type Informer } from '../client/informer/informer.ts';
import type { FakeNodeControl, FakeNodesOptions } from './test-cluster.ts';

const LEASE_SECONDS = 40;
const LEASE_NAMESPACE = 'kube-node-lease';
const CAPACITY = { cpu: '8', memory: '32Gi', pods: '110', 'ephemeral-storage': '100Gi' };
/** A pod with it ends as it says. */
const ENDS = 'testing.slipway/ends';
const MERGE = { type: 'application/merge-patch+json' } as const;

/**
 * Nodes without machines: they register, renew their leases and say of each pod that is bound to them what an agent would say, without a
 * container: it runs and is ready at once, or ends, and it goes when it is deleted.
 */
export class FakeNodes implements FakeNodeControl {
  readonly #client: Client;
  readonly #options: FakeNodesOptions & { renewMs: number };
  readonly #log: Logger;
  readonly #alive = new Set<string>();
  readonly #informer: Informer<Pod>;
  #renewals: NodeJS.Timeout | undefined;
  #addresses = 0;

  constructor(client: Client, { log, ...options }: FakeNodesOptions & { renewMs: number; log: Logger }) {
    this.#client = client;
    this.#options = options;
    this.#log = log;
    this.#informer = createInformer<Pod>({ client, resource: pods, log });
  }

  get alive(): readonly string[] {
    return [...this.#alive];
  }

  async start(): Promise<void> {
    const { count } = this.#options;
    if (!count) return;
    await Promise.all(Array.from({ length: count }, (_, index) => this.#register(`node-${index + 1}`, index)));
    this.#informer.addHandler({ add: (pod) => this.#look(pod), update: (pod) => this.#look(pod) });
    this.#informer.start();
    await this.#informer.synced;
    this.#renewals = setInterval(() => void Promise.all(this.alive.map((name) => this.#renew(name))), this.#options.renewMs);
    this.#renewals.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#renewals);
    this.#alive.clear();
    if (this.#options.count) await this.#informer.stop();
  }

  kill(name: string): void {
    if (!this.#alive.delete(name)) throw new Error(`no fake node ${name} is alive; there are ${this.alive.join(', ') || 'none'}`);
  }

  async revive(name: string): Promise<void> {
    this.#alive.add(name);
    await this.#renew(name);
    await this.#client.patch(nodes, { name, subresource: 'status' }, { status: { conditions: conditions() } }, MERGE);
    for (const pod of this.#informer.list()) this.#look(pod);
  }

  async #register(name: string, index: number): Promise<void> {
    const capacity = { ...CAPACITY, ...this.#options.capacity };
    const node: Stored<Node> = {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: {
        name,
        labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64', ...this.#options.labels },
      },
      status: {
        capacity,
        allocatable: capacity,
        conditions: conditions(),
        addresses: [
          { type: 'InternalIP', address: `192.0.2.${(index % 250) + 2}` },
          { type: 'Hostname', address: name },
        ],
      },
    };
    await this.#client.create(nodes, node);
    // New nodes are tainted until something says that they are ready; this one was born so.
    await this.#client.patch(nodes, { name }, { spec: { taints: null } }, MERGE);
    const lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { namespace: LEASE_NAMESPACE, name },
      spec: { holderIdentity: name, leaseDurationSeconds: LEASE_SECONDS, renewTime: microTime() },
    };
    await this.#client.create(leases, lease).catch((error: unknown) => {
      if (!isAlreadyExists(error)) throw error;
    });
    this.#alive.add(name);
  }

  async #renew(name: string): Promise<void> {
    try {
      await this.#client.patch(leases, { namespace: LEASE_NAMESPACE, name }, { spec: { renewTime: microTime() } }, MERGE);
    } catch (error) {
      if (this.#alive.has(name)) this.#log.warn('a fake node cannot renew its lease', { node: name, error });
    }
  }

  #look(pod: Stored<Pod>): void {
    if (!this.#alive.has(pod.spec?.nodeName ?? '')) return;
    this.#act(pod).catch((error: unknown) => {
      // Changed or gone meanwhile: its next event brings it here again.
      if (!isConflict(error) && !isNotFound(error)) this.#log.warn('a fake node cannot run a pod', { pod: pod.metadata.name, error });
    });
  }

  async #act(pod: Stored<Pod>): Promise<void> {
    const { namespace, name = '', uid, deletionTimestamp, annotations } = pod.metadata;
    if (deletionTimestamp) {
      await this.#client.delete(pods, { namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid } });
      return;
    }
    const phase = pod.status?.phase;
    const end = annotations?.[ENDS];
    if (phase === 'Pending') await this.#write(pod, end === 'Succeeded' || end === 'Failed' ? end : 'Running');
    else if (phase === 'Running' && (end === 'Succeeded' || end === 'Failed')) await this.#write(pod, end);
  }

  async #write(pod: Stored<Pod>, phase: 'Running' | 'Succeeded' | 'Failed'): Promise<void> {
    const time = secondTime();
    const podIP = pod.status?.podIP ?? this.#nextAddress();
    const ready = phase === 'Running' ? 'True' : 'False';
    const condition = (type: string, status: string) => ({ type, status, lastTransitionTime: time });
    const status = {
      ...pod.status,
      phase,
      podIP,
      podIPs: [{ ip: podIP }],
      startTime: pod.status?.startTime ?? time,
      containerStatuses: (pod.spec?.containers ?? []).map((container) => containerStatus(container, phase, time)),
      conditions: [
        ...(pod.status?.conditions ?? []).filter(({ type }) => type === 'PodScheduled'),
        condition('Initialized', 'True'),
        condition('ContainersReady', ready),
        condition('Ready', ready),
      ],
    };
    await this.#client.update<Stored<Pod>>(pods, { ...pod, status }, { subresource: 'status' });
  }

  #nextAddress(): string {
    this.#addresses += 1;
    return `10.244.${Math.floor(this.#addresses / 250) % 256}.${(this.#addresses % 250) + 1}`;
  }
}

const containerStatus = (container: { name: string; image?: string }, phase: string, time: string): ContainerStatus => ({
  name: container.name,
  image: container.image ?? '',
  imageID: '',
  restartCount: 0,
  ready: phase === 'Running',
  started: phase === 'Running',
  state:
    phase === 'Running'
      ? { running: { startedAt: time } }
      : {
          terminated: {
            exitCode: phase === 'Succeeded' ? 0 : 1,
            reason: phase === 'Succeeded' ? 'Completed' : 'Error',
            startedAt: time,
            finishedAt: time,
          },
        },
});

const conditions = () => {
  const time = secondTime();
  return [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: '', lastHeartbeatTime: time, lastTransitionTime: time }];
};

const secondTime = (): string => new Date().toISOString().replace(/\.\d+Z$/, 'Z');
const microTime = (): string => new Date().toISOString().replace('Z', '000Z');
