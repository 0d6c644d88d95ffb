import { defineKind, STATUS } from '../define-kind.ts';

export const serviceCidr = defineKind({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'ServiceCIDR',
  plural: 'servicecidrs',
  namespaced: false,
  subresources: {
    status: STATUS,
  },
});
