import type { CriClient } from '../cri/cri-client.ts';
import { isCriNotFound } from '../cri/cri-client.ts';
import * as Cri from '../cri/cri-types.ts';
import { ANNOTATION, LABEL } from './labels.ts';
import { terminationMessage } from './termination-message.ts';

/** What the runtime has of one pod, newest first. Times are milliseconds since the epoch, 0 when it has not happened. */
export interface RuntimePod {
  uid: string;
  name: string;
  namespace: string;
  sandboxes: RuntimeSandbox[];
  containers: RuntimeContainer[];
}

export interface RuntimeSandbox {
  id: string;
  ready: boolean;
  attempt: number;
  createdAt: number;
  /** Of a ready sandbox only; empty for pods on the node's network. */
  ips: string[];
  hostNetwork: boolean;
}

export interface RuntimeContainer {
  id: string;
  name: string;
  sandboxId: string;
  state: 'created' | 'running' | 'exited' | 'unknown';
  createdAt: number;
  startedAt: number;
  finishedAt: number;
  exitCode: number;
  reason: string;
  message: string;
  /** The image as it is tagged in the runtime, and its ID or digest. */
  image: string;
  imageRef: string;
  restartCount: number;
  hash: string;
  logPath: string;
  annotations: Record<string, string>;
  mounts: Cri.Mount[];
}

/** The sandbox in use: the newest one, when it is ready. */
export const readySandbox = (state: RuntimePod): RuntimeSandbox | undefined => (state.sandboxes[0]?.ready ? state.sandboxes[0] : undefined);

/** The newest container of that name. */
export const latestContainer = (state: RuntimePod, name: string): RuntimeContainer | undefined =>
  state.containers.find((container) => container.name === name);

/** Containers that have a process or may yet get one. */
export const liveContainers = (state: RuntimePod): RuntimeContainer[] =>
  state.containers.filter((container) => container.state === 'running' || container.state === 'unknown');

const STATES: Record<number, RuntimeContainer['state']> = {
  [Cri.ContainerState.CONTAINER_CREATED]: 'created',
  [Cri.ContainerState.CONTAINER_RUNNING]: 'running',
  [Cri.ContainerState.CONTAINER_EXITED]: 'exited',
};

/** Reads the runtime. What can no longer change (ended containers, addresses of sandboxes) is remembered. */
export class RuntimeReader {
  readonly #cri: CriClient;
  readonly #ended = new Map<string, RuntimeContainer>();
  readonly #networks = new Map<string, { ips: string[]; hostNetwork: boolean }>();

  readonly #owners = new Map<string, string>();

  constructor(cri: CriClient) {
    this.#cri = cri;
  }

  /** The UID of the pod whose container or sandbox this is. */
  ownerOf(id: string): string | undefined {
    return this.#owners.get(id);
  }

  learn(id: string, podUid: string): void {
    this.#owners.set(id, podUid);
  }

  async readPod(pod: { uid: string; name: string; namespace: string }): Promise<RuntimePod> {
    const labelSelector = { [LABEL.podUid]: pod.uid };
    const [sandboxes, containers] = await Promise.all([
      this.#cri.listPodSandbox({ filter: { labelSelector } }),
      this.#cri.listContainers({ filter: { labelSelector } }),
    ]);
    for (const { id } of [...sandboxes.items, ...containers.containers]) this.learn(id, pod.uid);
    const [readSandboxes, readContainers] = await Promise.all([
      Promise.all(sandboxes.items.map((sandbox) => this.#sandbox(sandbox))),
      Promise.all(containers.containers.map((container) => this.#container(container))),
    ]);
    return {
      ...pod,
      sandboxes: readSandboxes.filter((sandbox) => sandbox !== undefined).sort((a, b) => b.createdAt - a.createdAt),
      containers: readContainers.filter((container) => container !== undefined).sort((a, b) => b.createdAt - a.createdAt),
    };
  }

  /** Drops what is remembered of things that are gone. */
  forget(ids: { sandboxIds: ReadonlySet<string>; containerIds: ReadonlySet<string> }): void {
    for (const id of this.#networks.keys()) if (!ids.sandboxIds.has(id)) this.#networks.delete(id);
    for (const id of this.#ended.keys()) if (!ids.containerIds.has(id)) this.#ended.delete(id);
    for (const id of this.#owners.keys()) if (!ids.containerIds.has(id) && !ids.sandboxIds.has(id)) this.#owners.delete(id);
  }

  async #sandbox(sandbox: Cri.PodSandbox): Promise<RuntimeSandbox | undefined> {
    const ready = sandbox.state === Cri.PodSandboxState.SANDBOX_READY;
    let network = this.#networks.get(sandbox.id);
    if (ready && !network) {
      const { status } = await this.#cri.podSandboxStatus({ podSandboxId: sandbox.id }).catch(orNothing({ status: null }));
      if (!status) return undefined;
      const hostNetwork = status.linux?.namespaces?.options?.network === Cri.NamespaceMode.NODE;
      const ips = hostNetwork
        ? []
        : [status.network?.ip ?? '', ...(status.network?.additionalIps ?? []).map(({ ip }) => ip)].filter(Boolean);
      network = { ips, hostNetwork };
      if (hostNetwork || ips.length > 0) this.#networks.set(sandbox.id, network);
    }
    return {
      id: sandbox.id,
      ready,
      attempt: sandbox.metadata?.attempt ?? 0,
      createdAt: fromNanoseconds(sandbox.createdAt),
      ips: ready ? (network?.ips ?? []) : [],
      hostNetwork: network?.hostNetwork ?? false,
    };
  }

  async #container(listed: Cri.Container): Promise<RuntimeContainer | undefined> {
    const known = this.#ended.get(listed.id);
    if (known) return known;
    const { status } = await this.#cri.containerStatus({ containerId: listed.id }).catch(orNothing({ status: null }));
    if (!status) return undefined;
    const annotations = { ...listed.annotations };
    const container: RuntimeContainer = {
      id: listed.id,
      name: listed.labels[LABEL.containerName] ?? listed.metadata?.name ?? '',
      sandboxId: listed.podSandboxId,
      state: STATES[status.state] ?? 'unknown',
      createdAt: fromNanoseconds(status.createdAt),
      startedAt: fromNanoseconds(status.startedAt),
      finishedAt: fromNanoseconds(status.finishedAt),
      exitCode: status.exitCode,
      reason: status.reason,
      message: status.message,
      image: status.image?.image ?? listed.image?.image ?? '',
      imageRef: status.imageRef || listed.imageRef,
      restartCount: Number(annotations[ANNOTATION.restartCount] ?? listed.metadata?.attempt ?? 0),
      hash: annotations[ANNOTATION.hash] ?? '',
      logPath: status.logPath,
      annotations,
      mounts: status.mounts,
    };
    if (container.state === 'exited') {
      const lastWords = await terminationMessage(container);
      if (lastWords) container.message = container.message ? `${container.message}: ${lastWords}` : lastWords;
      this.#ended.set(container.id, container);
    }
    return container;
  }
}

const fromNanoseconds = (nanoseconds: number): number => (nanoseconds > 0 ? Math.floor(nanoseconds / 1e6) : 0);

/** Gone between the list and the question: as if it had not been listed. */
const orNothing =
  <T>(nothing: T) =>
  (error: unknown): T => {
    if (isCriNotFound(error)) return nothing;
    throw error;
  };
