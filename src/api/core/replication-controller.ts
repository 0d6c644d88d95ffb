import { defineKind, SCALE, STATUS } from '../define-kind.ts';

export const replicationController = defineKind({
  group: '',
  version: 'v1',
  kind: 'ReplicationController',
  plural: 'replicationcontrollers',
  shortNames: ['rc'],
  categories: ['all'],
  namespaced: true,
  hasGeneration: true,
  subresources: {
    scale: SCALE,
    status: STATUS,
  },
  defaultPropagation: 'Orphan',
});
