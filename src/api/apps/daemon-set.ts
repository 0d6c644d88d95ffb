import { defineKind, STATUS } from '../define-kind.ts';

export const daemonSet = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'DaemonSet',
  plural: 'daemonsets',
  shortNames: ['ds'],
  categories: ['all'],
  namespaced: true,
  hasGeneration: true,
  subresources: {
    status: STATUS,
  },
});
