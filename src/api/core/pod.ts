import { defineKind, STATUS } from '../define-kind.ts';
import { as } from '../meta/columns.ts';
import type { KubeObject } from '../meta/object.ts';
import type { Pod } from '../types/core-v1.ts';
import { podColumns } from './pod-columns.ts';
import { setPodDefaults, setPodSpecDefaults } from './pod-defaults.ts';
import { qosClassOf } from './pod-quality.ts';
import { validatePod, validatePodUpdate } from './validation/pod.ts';
import { podWarnings } from './validation/pod-warnings.ts';

const setDefaults = (object: KubeObject): void => {
  const { spec } = as<Pod>(object);
  if (!spec) return;
  setPodSpecDefaults(spec);
  setPodDefaults(spec);
};

const prepareForCreate = (object: KubeObject): void => {
  const { spec } = as<Pod>(object);
  object['status'] = { phase: 'Pending', qosClass: spec ? qosClassOf(spec) : 'BestEffort' };
};

/** Seconds that a pod gets to end: what was asked for, else what its spec says; 0 when nothing runs yet or any more. */
const deletionGraceSeconds = (object: KubeObject, requested: number | undefined): number => {
  const { spec, status } = as<Pod>(object);
  if (!spec?.nodeName || status?.phase === 'Failed' || status?.phase === 'Succeeded') return 0;
  const seconds = requested ?? spec.terminationGracePeriodSeconds ?? 30;
  return seconds < 0 ? 1 : seconds;
};

export const pod = defineKind({
  group: '',
  version: 'v1',
  kind: 'Pod',
  plural: 'pods',
  shortNames: ['po'],
  categories: ['all'],
  namespaced: true,
  hasGeneration: true,
  subresources: {
    attach: { verbs: ['create', 'get'], group: '', version: 'v1', kind: 'PodAttachOptions' },
    binding: { verbs: ['create'], group: '', version: 'v1', kind: 'Binding' },
    ephemeralcontainers: { verbs: ['get', 'patch', 'update'] },
    eviction: { verbs: ['create'], group: 'policy', version: 'v1', kind: 'Eviction' },
    exec: { verbs: ['create', 'get'], group: '', version: 'v1', kind: 'PodExecOptions' },
    log: { verbs: ['get'] },
    portforward: { verbs: ['create', 'get'], group: '', version: 'v1', kind: 'PodPortForwardOptions' },
    proxy: { verbs: ['create', 'delete', 'get', 'patch', 'update'], group: '', version: 'v1', kind: 'PodProxyOptions' },
    resize: { verbs: ['get', 'patch', 'update'] },
    status: STATUS,
  },
  setDefaults,
  prepareForCreate,
  validate: validatePod,
  validateUpdate: validatePodUpdate,
  deletionGraceSeconds,
  selectableFields: {
    'spec.nodeName': (object) => as<Pod>(object).spec?.nodeName ?? '',
    'spec.restartPolicy': (object) => as<Pod>(object).spec?.restartPolicy ?? '',
    'spec.schedulerName': (object) => as<Pod>(object).spec?.schedulerName ?? '',
    'spec.serviceAccountName': (object) => as<Pod>(object).spec?.serviceAccountName ?? '',
    'spec.hostNetwork': (object) => String(as<Pod>(object).spec?.hostNetwork ?? false),
    'status.phase': (object) => as<Pod>(object).status?.phase ?? '',
    'status.podIP': (object) => as<Pod>(object).status?.podIPs?.[0]?.ip ?? as<Pod>(object).status?.podIP ?? '',
    'status.nominatedNodeName': (object) => as<Pod>(object).status?.nominatedNodeName ?? '',
  },
  warnings: podWarnings,
  columns: podColumns,
});
