import type { Stored } from '../api/meta/object.ts';
import { isConflict, isNotFound, StatusError } from '../api/meta/status.ts';
import type { UserInfo } from '../api/transport.ts';
import type { Component } from '../base/async/component.ts';
import type { Logger } from '../base/log/logger.ts';
import type { Client } from '../client/client.ts';
import type { InformerReads } from '../client/informer/informer.ts';
import type { InformerFactory } from '../client/informer/informer-factory.ts';
import type { CloudProvider } from './cloud.ts';
import type { EventRecorder } from './event-recorder.ts';
import { KeyQueue } from './key-queue.ts';
import { isNamespaceGoing } from './namespace-going.ts';

/**
 * One control loop: it watches some resources, turns each change into the keys of what it is responsible for, and makes the
 * world of one key right at a time. Level-driven: `sync` reads everything it needs again and never trusts the event.
 */
export interface Controller {
  /** `replicaset`; also the component of its log lines and events. */
  readonly name: string;
  /** Its service account in kube-system, as upstream names it: `replicaset-controller`. */
  readonly serviceAccount: string;
  /** Keys worked on at the same time. Default 5. */
  readonly workers?: number;
  build(context: ControllerContext): Reconciler;
}

export interface Reconciler {
  readonly watches: readonly Watch[];
  /** Makes one key right. What it throws is tried again later, each time after a longer wait. */
  sync(key: string): Promise<SyncResult | undefined>;
}

export interface SyncResult {
  /** Look at the key again after this long, also when nothing changes. */
  requeueAfterMs?: number | undefined;
}

/** Calls `enqueue` for every change that concerns the controller, from now on and for what is there already. */
export type Watch = (enqueue: (key: string) => void) => () => void;

export interface ControllerContext {
  /** Acts as the controller's service account. */
  readonly client: Client;
  /** Shared by all controllers; read-only, may be stale. */
  readonly informers: Pick<InformerFactory, 'of'>;
  readonly events: EventRecorder;
  readonly log: Logger;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly random: () => number;
  readonly config: ControllersConfig;
  /** Puts a key in the controller's queue from outside a watch: timers, answers that come late. */
  readonly enqueue: (key: string, afterMs?: number) => void;
}

/** What the cluster's settings say to controllers. */
export interface ControllersConfig {
  /** A node that has not renewed its lease for so long is not ready. Default 10. */
  readonly nodeMonitorGraceSeconds?: number;
  /** How long a pod with the default tolerations stays on a dead node. Default 30. */
  readonly podEvictionSeconds?: number;
  readonly podCidr?: string;
  readonly nodeCidrMaskSize?: number;
  /** No certificate of a node may be for these addresses. */
  readonly serviceCidr?: string;
  /** PEM; handed to pods as kube-root-ca.crt. */
  readonly rootCa?: RootCa;
  /** The longest life of certificates that are signed on request. Default a year. */
  readonly certificateSeconds?: number;
  /** The cluster's authority. Without it certificate requests stay as they are. */
  readonly certificates?: CertificateSigner;
  /** Where pods' volumes of the `slipway.local/path` provisioner lie on nodes. */
  readonly localVolumeRoot?: string;
  /** Where the cluster runs on machines of a cloud. */
  readonly cloud?: CloudProvider;
}

/** The authorities that clients of the API trust; they change when the cluster's authority is renewed. */
export interface RootCa {
  pem(): string;
  /** Calls back whenever `pem` answers anew; answers how to end that. */
  onChange(changed: () => void): () => void;
}

/** Reading and signing of certificate requests (PKCS#10, PEM), handed in since controllers hold no keys. */
export interface CertificateSigner {
  /** Rejects when the request is malformed. */
  read(requestPem: string): Promise<CertificateSubject>;
  /** Names and usages are these, not the request's. Resolves to the certificate, PEM. */
  sign(requestPem: string, options: CertificateSubject & { usages: readonly ('client' | 'server')[]; days: number }): Promise<string>;
}

export interface CertificateSubject {
  commonName: string;
  organizations: string[];
  dnsNames: string[];
  ipAddresses: string[];
}

/** The usual watch: both the old and the new state of an object name keys. */
export const watchOf =
  <T>(informer: InformerReads<T>, keys: (object: Stored<T>) => readonly string[]): Watch =>
  (enqueue) =>
    informer.addHandler({
      add: (object) => keys(object).forEach(enqueue),
      update: (object, old) => new Set([...keys(old), ...keys(object)]).forEach(enqueue),
      delete: (object) => keys(object).forEach(enqueue),
    });

/** Upstream's identity of a controller. */
export const userOf = (controller: Pick<Controller, 'serviceAccount'>): UserInfo => ({
  name: `system:serviceaccount:kube-system:${controller.serviceAccount}`,
  groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
});

export interface LoopCounters {
  syncs: number;
  failures: number;
  /** Time spent in `sync`, all workers together. */
  busyMs: number;
  queued: number;
}

/** The loop, written once for all controllers. */
export class ControllerLoop implements Component {
  readonly name: string;
  readonly #controller: Controller;
  readonly #context: Omit<ControllerContext, 'enqueue'>;
  readonly #queue: KeyQueue;
  readonly #reconciler: Reconciler;
  readonly #counters = { syncs: 0, failures: 0, busyMs: 0 };
  #workers: Promise<void>[] = [];
  #unwatch: (() => void)[] = [];

  constructor(controller: Controller, context: Omit<ControllerContext, 'enqueue'>) {
    this.name = controller.name;
    this.#controller = controller;
    this.#context = context;
    this.#queue = new KeyQueue({ random: context.random });
    this.#reconciler = controller.build({ ...context, enqueue: (key, afterMs = 0) => this.#queue.addAfter(key, afterMs) });
  }

  get counters(): LoopCounters {
    return { ...this.#counters, queued: this.#queue.length };
  }

  /** The informers must be synced: a controller that saw half of the world would undo the other half. */
  async start(): Promise<void> {
    this.#unwatch = this.#reconciler.watches.map((watch) => watch((key) => this.#queue.add(key)));
    this.#workers = Array.from({ length: this.#controller.workers ?? 5 }, () => this.#work());
  }

  /** Waits for syncs under way. */
  async stop(): Promise<void> {
    for (const unwatch of this.#unwatch) unwatch();
    this.#queue.close();
    await Promise.all(this.#workers);
  }

  async #work(): Promise<void> {
    for (let key = await this.#queue.take(); key !== undefined; key = await this.#queue.take()) {
      const began = performance.now();
      try {
        const result = await this.#reconciler.sync(key);
        this.#queue.forget(key);
        if (result?.requeueAfterMs !== undefined) this.#queue.addAfter(key, Math.max(1, result.requeueAfterMs));
      } catch (error) {
        this.#failed(key, error);
      }
      this.#counters.syncs += 1;
      this.#counters.busyMs += performance.now() - began;
      this.#queue.done(key);
    }
  }

  #failed(key: string, error: unknown): void {
    // What is in a namespace that is going will go too: there is nothing left to make right.
    if (isNamespaceGoing(error)) {
      this.#queue.forget(key);
      return;
    }
    this.#queue.addAfterFailure(key);
    // A conflict says only that the cache was behind: the newer state is on its way.
    if (isConflict(error)) return;
    this.#counters.failures += 1;
    const expected = isNotFound(error) || (error instanceof StatusError && this.#queue.failuresOf(key) < 3);
    this.#context.log[expected ? 'debug' : 'warn']('sync failed and is tried again', { key, error });
  }
}
