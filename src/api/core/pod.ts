import { defineKind, STATUS } from '../define-kind.ts';

export const pod = defineKind({
  group: '',
  version: 'v1',
  kind: 'Pod',
  plural: 'pods',
  shortNames: ['po'],
  categories: ['all'],
  namespaced: true,
  hasGeneration: true,
  subresources: {
    attach: { verbs: ['create', 'get'], group: '', version: 'v1', kind: 'PodAttachOptions' },
    binding: { verbs: ['create'], group: '', version: 'v1', kind: 'Binding' },
    ephemeralcontainers: { verbs: ['get', 'patch', 'update'] },
    eviction: { verbs: ['create'], group: 'policy', version: 'v1', kind: 'Eviction' },
    exec: { verbs: ['create', 'get'], group: '', version: 'v1', kind: 'PodExecOptions' },
    log: { verbs: ['get'] },
    portforward: { verbs: ['create', 'get'], group: '', version: 'v1', kind: 'PodPortForwardOptions' },
    proxy: { verbs: ['create', 'delete', 'get', 'patch', 'update'], group: '', version: 'v1', kind: 'PodProxyOptions' },
    resize: { verbs: ['get', 'patch', 'update'] },
    status: STATUS,
  },
});
