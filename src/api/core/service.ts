import { defineKind, STATUS } from '../define-kind.ts';
import { ageColumn, as, cellOf, column, labelsCell, wideColumn } from '../meta/columns.ts';
import { dnsLabelProblems } from '../meta/names.ts';
import type { KubeObject } from '../meta/object.ts';
import type { Service, ServicePort } from '../types/core-v1.ts';
import { validateService, validateServiceUpdate } from './validation/service.ts';

const AFFINITY_SECONDS = 10800;

const setDefaults = (object: KubeObject): void => {
  const { spec, status } = as<Service>(object);
  for (const ingress of status?.loadBalancer?.ingress ?? []) if (ingress.ip) ingress.ipMode ??= 'VIP';
  if (!spec) return;
  spec.sessionAffinity ||= 'None';
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
  if (spec.sessionAffinity === 'ClientIP' && !spec.sessionAffinityConfig?.clientIP?.timeoutSeconds)
    spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: AFFINITY_SECONDS } };
  spec.type ||= 'ClusterIP';
  for (const port of spec.ports ?? [])
    if (port.targetPort === undefined || port.targetPort === 0 || port.targetPort === '') port.targetPort = port.port;
  const onNodes = spec.type === 'NodePort' || spec.type === 'LoadBalancer';
  if (onNodes || (spec.type === 'ClusterIP' && spec.externalIPs?.length)) spec.externalTrafficPolicy ||= 'Cluster';
  if (onNodes || spec.type === 'ClusterIP') spec.internalTrafficPolicy ??= 'Cluster';
  if (spec.type === 'LoadBalancer') spec.allocateLoadBalancerNodePorts ??= true;
};

const externalCell = cellOf<Service>(({ spec, status }) => {
  const external = spec?.externalIPs ?? [];
  switch (spec?.type) {
    case 'ClusterIP':
    case 'NodePort':
      return external.join(',') || '<none>';
    case 'LoadBalancer': {
      const balanced = [...new Set((status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || ''))]
        .filter(Boolean)
        .sort();
      return [...balanced, ...external].join(',') || '<pending>';
    }
    case 'ExternalName':
      return spec.externalName ?? '';
    default:
      return '<unknown>';
  }
});

const portText = (port: ServicePort): string => `${port.port}${port.nodePort ? `:${port.nodePort}` : ''}/${port.protocol}`;

/** A service's name is one DNS label: it becomes a host name. */
const serviceNameProblems = (name: string): readonly string[] => (name.includes('.') ? ['must not contain dots'] : dnsLabelProblems(name));

export const service = defineKind({
  group: '',
  version: 'v1',
  kind: 'Service',
  plural: 'services',
  shortNames: ['svc'],
  categories: ['all'],
  namespaced: true,
  subresources: {
    proxy: { verbs: ['create', 'delete', 'get', 'patch', 'update'], group: '', version: 'v1', kind: 'ServiceProxyOptions' },
    status: STATUS,
  },
  setDefaults,
  selectableFields: {
    'spec.clusterIP': (object) => as<Service>(object).spec?.clusterIP ?? '',
    'spec.type': (object) => as<Service>(object).spec?.type ?? '',
  },
  nameCheck: serviceNameProblems,
  validate: validateService,
  validateUpdate: validateServiceUpdate,
  columns: [
    column(
      'Type',
      cellOf<Service>(({ spec }) => spec?.type ?? ''),
    ),
    column(
      'Cluster-IP',
      cellOf<Service>(({ spec }) => spec?.clusterIPs?.[0] ?? '<none>'),
    ),
    column('External-IP', externalCell),
    column(
      'Port(s)',
      cellOf<Service>(({ spec }) => (spec?.ports ?? []).map(portText).join(',') || '<none>'),
    ),
    ageColumn,
    wideColumn(
      'Selector',
      cellOf<Service>(({ spec }) => labelsCell(spec?.selector)),
    ),
  ],
});
