import { defineKind, STATUS } from '../define-kind.ts';

export const priorityLevelConfiguration = defineKind({
  group: 'flowcontrol.apiserver.k8s.io',
  version: 'v1',
  kind: 'PriorityLevelConfiguration',
  plural: 'prioritylevelconfigurations',
  namespaced: false,
  hasGeneration: true,
  subresources: {
    status: STATUS,
  },
});
