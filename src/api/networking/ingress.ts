import { defineKind, STATUS } from '../define-kind.ts';

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
});
