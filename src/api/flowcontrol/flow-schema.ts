import { defineKind, STATUS } from '../define-kind.ts';

export const flowSchema = defineKind({
  group: 'flowcontrol.apiserver.k8s.io',
  version: 'v1',
  kind: 'FlowSchema',
  plural: 'flowschemas',
  namespaced: false,
  hasGeneration: true,
  subresources: {
    status: STATUS,
  },
});
