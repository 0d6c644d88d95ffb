import type { Stored } from '../../api/meta/object.ts';
import type { Labels } from '../../api/meta/selector.ts';
import type { Node, Taint } from '../../api/types/core-v1.ts';
import type { HostPort, PodInfo } from './pod-info.ts';
import { NO_RESOURCES, type Resources, resourcesOf } from './resources.ts';

const NO_LABELS: Labels = Object.freeze({});
const NO_TAINTS: readonly Taint[] = Object.freeze([]);

/** A node with what its pods take of it, kept up to date pod by pod. Written by the ClusterState only. */
export class NodeInfo {
  readonly name: string;
  /** Undefined while only pods speak of it. */
  node: Stored<Node> | undefined;
  labels: Labels = NO_LABELS;
  taints: readonly Taint[] = NO_TAINTS;
  unschedulable = false;
  allocatable: Resources = NO_RESOURCES;
  allowedPods = 0;
  /** Image names to bytes. */
  images: ReadonlyMap<string, number> = new Map();
  readonly pods = new Map<string, PodInfo>();
  cpu = 0;
  memory = 0;
  ephemeralStorage = 0;
  readonly extended = new Map<string, number>();
  /** As scores count: containers without requests have a little. */
  scoringCpu = 0;
  scoringMemory = 0;
  /** Counted, since a sum must come back to nothing. `TCP/0.0.0.0/80`. */
  readonly #ports = new Map<string, number>();

  constructor(name: string) {
    this.name = name;
  }

  setNode(node: Stored<Node>): void {
    const { spec, status, metadata } = node;
    this.node = node;
    this.labels = metadata.labels ?? NO_LABELS;
    this.taints = spec?.taints ?? NO_TAINTS;
    this.unschedulable = spec?.unschedulable ?? false;
    this.allocatable = resourcesOf(status?.allocatable);
    this.allowedPods = Number(status?.allocatable?.['pods'] ?? 0);
    this.images = new Map(
      (status?.images ?? []).flatMap((image) => (image.names ?? []).map((name): [string, number] => [name, image.sizeBytes ?? 0])),
    );
  }

  add(pod: PodInfo): void {
    this.pods.set(pod.uid, pod);
    this.#count(pod, 1);
  }

  /** False when it is not here. */
  remove(uid: string): PodInfo | undefined {
    const pod = this.pods.get(uid);
    if (!pod) return undefined;
    this.pods.delete(uid);
    this.#count(pod, -1);
    return pod;
  }

  /** A port on all addresses collides with the same port on any. */
  hasPortConflict(wanted: HostPort): boolean {
    if (this.#ports.size === 0) return false;
    if (this.#ports.has(portId(wanted)) || this.#ports.has(portId({ ...wanted, hostIp: '0.0.0.0' }))) return true;
    if (wanted.hostIp !== '0.0.0.0') return false;
    for (const used of this.#ports.keys()) if (used.startsWith(`${wanted.protocol}/`) && used.endsWith(`/${wanted.port}`)) return true;
    return false;
  }

  #count(pod: PodInfo, sign: 1 | -1): void {
    const { requests, scoring } = pod;
    this.cpu += sign * requests.cpu;
    this.memory += sign * requests.memory;
    this.ephemeralStorage += sign * requests.ephemeralStorage;
    this.scoringCpu += sign * scoring.cpu;
    this.scoringMemory += sign * scoring.memory;
    if (requests.extended)
      for (const [name, amount] of requests.extended) this.extended.set(name, (this.extended.get(name) ?? 0) + sign * amount);
    for (const port of pod.hostPorts) {
      const id = portId(port);
      const count = (this.#ports.get(id) ?? 0) + sign;
      if (count > 0) this.#ports.set(id, count);
      else this.#ports.delete(id);
    }
  }
}

const portId = (port: HostPort): string => `${port.protocol}/${port.hostIp}/${port.port}`;
