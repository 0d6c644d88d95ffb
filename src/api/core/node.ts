import { defineKind, STATUS } from '../define-kind.ts';

export const node = defineKind({
  group: '',
  version: 'v1',
  kind: 'Node',
  plural: 'nodes',
  shortNames: ['no'],
  namespaced: false,
  subresources: {
    proxy: { verbs: ['create', 'delete', 'get', 'patch', 'update'], group: '', version: 'v1', kind: 'NodeProxyOptions' },
    status: STATUS,
  },
});
