/** A cluster as lists, for tests of plugins and cycles. */
import type { Stored } from '../../../src/api/meta/object.ts';
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod, PodSpec, Taint } from '../../../src/api/types/core-v1.ts';
import type { StorageClass } from '../../../src/api/types/storage-v1.ts';
import { ClusterState } from '../../../src/scheduler/model/cluster-state.ts';
import { type PodInfo, podInfoOf } from '../../../src/scheduler/model/pod-info.ts';
import type { World } from '../../../src/scheduler/plugin.ts';
import { PLUGINS } from '../../../src/scheduler/plugins/index.ts';
import { SchedulingCycle, type Verdict } from '../../../src/scheduler/scheduling-cycle.ts';

export interface NodeDraft {
  cpu?: string;
  memory?: string;
  pods?: string;
  labels?: Record<string, string>;
  taints?: Taint[];
  unschedulable?: boolean;
  images?: Record<string, number>;
  more?: Record<string, string>;
}

export const makeNode = (name: string, draft: NodeDraft = {}): Stored<Node> => ({
  metadata: { name, labels: { 'kubernetes.io/hostname': name, ...draft.labels } },
  spec: { ...(draft.taints ? { taints: draft.taints } : {}), ...(draft.unschedulable ? { unschedulable: true } : {}) },
  status: {
    allocatable: { cpu: draft.cpu ?? '4', memory: draft.memory ?? '8Gi', pods: draft.pods ?? '110', ...draft.more },
    images: Object.entries(draft.images ?? {}).map(([image, sizeBytes]) => ({ names: [image], sizeBytes })),
  },
});

export interface PodDraft {
  cpu?: string;
  memory?: string;
  labels?: Record<string, string>;
  namespace?: string;
  spec?: Partial<PodSpec>;
  status?: Pod['status'];
}

export const makePod = (name: string, draft: PodDraft = {}): PodInfo =>
  podInfoOf({
    metadata: { name, namespace: draft.namespace ?? 'default', uid: `uid-${name}`, labels: draft.labels ?? {} },
    spec: {
      containers: [
        {
          name: 'c',
          image: 'app:1',
          resources: { requests: { ...(draft.cpu ? { cpu: draft.cpu } : {}), ...(draft.memory ? { memory: draft.memory } : {}) } },
        },
      ],
      ...draft.spec,
    },
    ...(draft.status ? { status: draft.status } : {}),
  } as Stored<Pod>);

export class TestWorld implements World {
  readonly state = new ClusterState();
  readonly claims = new Map<string, Stored<PersistentVolumeClaim>>();
  readonly volumes = new Map<string, Stored<PersistentVolume>>();
  readonly classes = new Map<string, Stored<StorageClass>>();

  constructor(nodes: Record<string, NodeDraft>) {
    for (const [name, draft] of Object.entries(nodes)) this.state.setNode(makeNode(name, draft));
  }

  put(nodeName: string, ...pods: PodInfo[]): this {
    for (const pod of pods) this.state.place(pod, nodeName);
    return this;
  }

  choose(pod: PodInfo, random = () => 0.999): Verdict {
    return new SchedulingCycle({ world: this, plugins: PLUGINS, random }).choose(pod);
  }

  claim(namespace: string, name: string): Stored<PersistentVolumeClaim> | undefined {
    return this.claims.get(`${namespace}/${name}`);
  }

  volume(name: string): Stored<PersistentVolume> | undefined {
    return this.volumes.get(name);
  }

  availableVolumes(storageClass: string): Stored<PersistentVolume>[] {
    return [...this.volumes.values()].filter((volume) => !volume.spec?.claimRef && (volume.spec?.storageClassName ?? '') === storageClass);
  }

  storageClass(name: string): Stored<StorageClass> | undefined {
    return this.classes.get(name);
  }

  csiNode(): undefined {
    return undefined;
  }

  siblings(): undefined {
    return undefined;
  }
}
