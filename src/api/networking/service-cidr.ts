import { defineKind, STATUS } from '../define-kind.ts';
import { ageColumn, cellOf, column } from '../meta/columns.ts';
import type { ServiceCIDR } from '../types/networking-v1.ts';
import { validateServiceCidr } from './validation/addresses.ts';

export const serviceCidr = defineKind({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'ServiceCIDR',
  plural: 'servicecidrs',
  namespaced: false,
  validate: validateServiceCidr,
  subresources: {
    status: STATUS,
  },
  columns: [
    column(
      'CIDRs',
      cellOf<ServiceCIDR>(({ spec }) => (spec?.cidrs ?? []).join(',')),
    ),
    ageColumn,
  ],
});
