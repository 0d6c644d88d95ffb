import type { KubeObject } from '../../api/meta/object.ts';
import { describeConfigMap, describeNamespace, describeSecret } from './data.ts';
import { describeEvents, type EventLike } from './events.ts';
import { describeAnything } from './generic.ts';
import { describeIngress, describeService } from './network.ts';
import { describeNode } from './node.ts';
import { Page } from './page.ts';
import { describePod } from './pod.ts';
import { describePersistentVolume, describePersistentVolumeClaim } from './storage.ts';
import {
  describeCronJob,
  describeDaemonSet,
  describeDeployment,
  describeJob,
  describeReplicaSet,
  describeStatefulSet,
} from './workloads.ts';
import type { World } from './world.ts';

/** Writes what is to be said of one object of its kind, in kubectl's layout. */
// biome-ignore lint/suspicious/noExplicitAny: each takes the type of its own kind; the table below pairs them.
type Describer = (page: Page, object: any, world: World) => void | Promise<void>;

const DESCRIBERS: Readonly<Record<string, Describer>> = {
  'v1 ConfigMap': describeConfigMap,
  'v1 Namespace': describeNamespace,
  'v1 Node': describeNode,
  'v1 PersistentVolume': describePersistentVolume,
  'v1 PersistentVolumeClaim': describePersistentVolumeClaim,
  'v1 Pod': describePod,
  'v1 Secret': describeSecret,
  'v1 Service': describeService,
  'apps/v1 DaemonSet': describeDaemonSet,
  'apps/v1 Deployment': describeDeployment,
  'apps/v1 ReplicaSet': describeReplicaSet,
  'apps/v1 StatefulSet': describeStatefulSet,
  'batch/v1 CronJob': describeCronJob,
  'batch/v1 Job': describeJob,
  'networking.k8s.io/v1 Ingress': describeIngress,
};

/** Kinds that kubectl shows without their events. */
const WITHOUT_EVENTS = new Set(['v1 Namespace', 'v1 Secret']);

/** What `describe` prints of an object; `events` undefined: none are wanted. */
export const describeObject = async (
  object: KubeObject,
  { world, events, now }: { world: World; events: readonly EventLike[] | undefined; now: number },
): Promise<string> => {
  const page = new Page(now);
  const kind = `${object.apiVersion} ${object.kind}`;
  await (DESCRIBERS[kind] ?? describeAnything)(page, object, world);
  if (events && !WITHOUT_EVENTS.has(kind)) describeEvents(page, events);
  return page.toString();
};
