import type { KubeObject } from '../../api/meta/object.ts';
import { CommandError } from '../errors.ts';
import { qualifiedName, type Resource } from './resource-catalog.ts';

export interface Container {
  name: string;
  image?: string;
  env?: { name: string; value?: string; valueFrom?: unknown }[];
  resources?: Record<string, Record<string, string>>;
  ports?: { name?: string; containerPort: number; protocol?: string }[];
  [field: string]: unknown;
}

export interface PodSpec {
  containers: Container[];
  initContainers?: Container[];
  nodeName?: string;
  [field: string]: unknown;
}

/** Where a kind keeps its pod's spec: path of fields from the object. Undefined for kinds that have none. */
export const podSpecPath = (object: KubeObject): string[] | undefined => {
  switch (object.kind) {
    case 'Pod':
      return ['spec'];
    case 'CronJob':
      return ['spec', 'jobTemplate', 'spec', 'template', 'spec'];
    case 'Deployment':
    case 'ReplicaSet':
    case 'StatefulSet':
    case 'DaemonSet':
    case 'Job':
    case 'ReplicationController':
      return ['spec', 'template', 'spec'];
    default:
      return undefined;
  }
};

/** The pod spec of an object. Throws CommandError for kinds without one. */
export const podSpecOf = (object: KubeObject): PodSpec => {
  const path = podSpecPath(object);
  if (!path) throw new CommandError(`${object.kind} ${object.metadata.name} has no pod template`);
  return path.reduce<unknown>((value, field) => (value as Record<string, unknown>)[field], object) as PodSpec;
};

/** `{spec: {template: {spec: patch}}}` for the kind at hand. */
export const podSpecPatch = (object: KubeObject, patch: object): object =>
  [...(podSpecPath(object) ?? [])].reverse().reduce<object>((inner, field) => ({ [field]: inner }), patch);

/** The labels that a workload or Service selects pods by, as a selector string. Throws CommandError where there are none. */
export const selectorOf = (object: KubeObject, resource: Resource): string => {
  const { selector } = (object['spec'] ?? {}) as { selector?: Record<string, unknown> };
  if (object.kind === 'Service' || object.kind === 'ReplicationController') {
    if (selector && Object.keys(selector).length) return pairs(selector as Record<string, string>);
    throw new CommandError(`invalid service '${object.metadata.name}': Service is defined without a selector`);
  }
  const { matchLabels, matchExpressions } = (selector ?? {}) as {
    matchLabels?: Record<string, string>;
    matchExpressions?: { key: string; operator: string; values?: string[] }[];
  };
  const terms = [
    ...(matchLabels ? [pairs(matchLabels)] : []),
    ...(matchExpressions ?? []).map(({ key, operator, values = [] }) =>
      operator === 'Exists'
        ? key
        : operator === 'DoesNotExist'
          ? `!${key}`
          : `${key} ${operator === 'In' ? 'in' : 'notin'} (${values.join(',')})`,
    ),
  ];
  if (!terms.length)
    throw new CommandError(`cannot find the pods of ${qualifiedName(resource, object.metadata.name ?? '')}: it has no selector`);
  return terms.join(',');
};

const pairs = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
