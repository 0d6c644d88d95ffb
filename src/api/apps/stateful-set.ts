import { defineKind, SCALE, STATUS } from '../define-kind.ts';

export const statefulSet = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'StatefulSet',
  plural: 'statefulsets',
  shortNames: ['sts'],
  categories: ['all'],
  namespaced: true,
  hasGeneration: true,
  subresources: {
    scale: SCALE,
    status: STATUS,
  },
});
