import { defineKind, STATUS } from '../define-kind.ts';
import { ageColumn, as, cellOf, column, wideColumn } from '../meta/columns.ts';
import type { KubeObject } from '../meta/object.ts';
import type { Node } from '../types/core-v1.ts';
import { validateNode, validateNodeUpdate } from './validation/cluster.ts';

const setDefaults = (object: KubeObject): void => {
  const { status } = as<Node>(object);
  if (status?.capacity) status.allocatable ??= { ...status.capacity };
};

const ROLE_PREFIX = 'node-role.kubernetes.io/';

export const nodeRoles = (object: KubeObject): string[] => {
  const roles = new Set<string>();
  for (const [key, value] of Object.entries(object.metadata.labels ?? {})) {
    if (key.startsWith(ROLE_PREFIX) && key.length > ROLE_PREFIX.length) roles.add(key.slice(ROLE_PREFIX.length));
    else if (key === 'kubernetes.io/role' && value) roles.add(value);
  }
  return [...roles].sort();
};

const statusCell = cellOf<Node>(({ spec, status }) => {
  const ready = status?.conditions?.findLast((condition) => condition.type === 'Ready');
  const word = ready ? (ready.status === 'True' ? 'Ready' : 'NotReady') : 'Unknown';
  return spec?.unschedulable ? `${word},SchedulingDisabled` : word;
});

const address = (type: string) =>
  cellOf<Node>(({ status }) => status?.addresses?.find((candidate) => candidate.type === type)?.address ?? '<none>');

const kernel = cellOf<Node>(({ status }) => {
  const info = status?.nodeInfo;
  return `${info?.kernelVersion || '<unknown>'}${info?.architecture ? ` (${info.architecture})` : ''}`;
});

export const node = defineKind({
  group: '',
  version: 'v1',
  kind: 'Node',
  plural: 'nodes',
  shortNames: ['no'],
  namespaced: false,
  subresources: {
    proxy: { verbs: ['create', 'delete', 'get', 'patch', 'update'], group: '', version: 'v1', kind: 'NodeProxyOptions' },
    status: STATUS,
  },
  setDefaults,
  keepsStatusOnCreate: true,
  selectableFields: { 'spec.unschedulable': (object) => String(as<Node>(object).spec?.unschedulable ?? false) },
  validate: validateNode,
  validateUpdate: validateNodeUpdate,
  columns: [
    column('Status', statusCell),
    column('Roles', (object) => nodeRoles(object).join(',') || '<none>'),
    ageColumn,
    column(
      'Version',
      cellOf<Node>(({ status }) => status?.nodeInfo?.kubeletVersion ?? ''),
    ),
    wideColumn('Internal-IP', address('InternalIP')),
    wideColumn('External-IP', address('ExternalIP')),
    wideColumn(
      'OS-Image',
      cellOf<Node>(({ status }) => status?.nodeInfo?.osImage || '<unknown>'),
    ),
    wideColumn('Kernel-Version', kernel),
    wideColumn(
      'Container-Runtime',
      cellOf<Node>(({ status }) => status?.nodeInfo?.containerRuntimeVersion || '<unknown>'),
    ),
  ],
});
