import type { Stored } from '../../api/meta/object.ts';
import type { Pod, Service } from '../../api/types/core-v1.ts';
import type { Logger } from '../../base/log/logger.ts';
import type { Client } from '../../client/client.ts';
import type { CriClient } from '../cri/cri-client.ts';
import type { ObjectReader } from '../volumes/object-reader.ts';
import type { VolumeManager } from '../volumes/volume-manager.ts';
import type { BackOff } from './backoff.ts';
import type { Cgroups } from './cgroups.ts';
import type { EventRecorder } from './event-recorder.ts';
import type { NodeFacts } from './field-ref.ts';
import type { ImagePuller } from './image-puller.ts';
import type { RuntimeReader } from './runtime-state.ts';
import type { DnsSettings } from './sandbox-config.ts';
import type { StartTurns } from './start-turns.ts';

/** What the pods of a node share. */
export interface PodContext {
  cri: CriClient;
  client: Client;
  log: Logger;
  /** Milliseconds since the epoch. */
  now: () => number;
  reader: RuntimeReader;
  images: ImagePuller;
  volumes: VolumeManager;
  objects: ObjectReader;
  events: EventRecorder;
  cgroups: Cgroups;
  /** Whose pods are being started. */
  starts: StartTurns;
  /** Of containers that end again and again. */
  restarts: BackOff;
  node: NodeFacts;
  /** `containerd`: stands before container IDs in statuses. */
  runtimeName: string;
  dns: DnsSettings;
  podLogsDir: string;
  /** Services of the cluster, and when they are all known: variables of containers are made of them. */
  services(): readonly Stored<Service>[];
  servicesKnown: Promise<void>;
  /** Why pods cannot get addresses yet; undefined when they can. */
  networkProblem(): string | undefined;
  /** The pod in the API that stands for a static pod. */
  mirrorOf(pod: Stored<Pod>): Stored<Pod> | undefined;
  /** See agent/network/network.ts. */
  awaitEndpointsDrained(pod: Stored<Pod>, options: { signal?: AbortSignal; boundMs?: number }): Promise<{ drained: boolean }>;
}

/** `web_default(uid)`, as kubelet names pods in messages. */
export const podText = ({ metadata }: Stored<Pod>): string => `${metadata.name}_${metadata.namespace}(${metadata.uid})`;
