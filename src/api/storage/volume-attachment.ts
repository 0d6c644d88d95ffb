import { defineKind, STATUS } from '../define-kind.ts';

export const volumeAttachment = defineKind({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'VolumeAttachment',
  plural: 'volumeattachments',
  namespaced: false,
  subresources: {
    status: STATUS,
  },
});
