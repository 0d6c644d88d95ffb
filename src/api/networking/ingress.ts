import { defineKind, STATUS } from '../define-kind.ts';
import { ageColumn, cellOf, column } from '../meta/columns.ts';
import type { Ingress } from '../types/networking-v1.ts';
import { validateIngress } from './validation/networking.ts';

const HOSTS = 3;

const hosts = cellOf<Ingress>(({ spec }) => {
  const names = (spec?.rules ?? []).slice(0, HOSTS).map(({ host }) => host || '*');
  const total = spec?.rules?.length ?? 0;
  if (total === 0) return '*';
  return total > HOSTS ? `${names.join(',')} + ${total - HOSTS} more...` : names.join(',');
});

const addresses = cellOf<Ingress>(({ status }) =>
  [...new Set((status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || ''))].filter(Boolean).sort().join(','),
);

export const ingress = defineKind({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'Ingress',
  plural: 'ingresses',
  shortNames: ['ing'],
  namespaced: true,
  hasGeneration: true,
  subresources: {
    status: STATUS,
  },
  validate: validateIngress,
  columns: [
    column(
      'Class',
      cellOf<Ingress>(({ spec }) => spec?.ingressClassName ?? '<none>'),
    ),
    column('Hosts', hosts),
    column('Address', addresses),
    column(
      'Ports',
      cellOf<Ingress>(({ spec }) => (spec?.tls?.length ? '80, 443' : '80')),
    ),
    ageColumn,
  ],
});
