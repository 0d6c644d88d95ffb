import { defineKind, STATUS } from '../define-kind.ts';
import { ageColumn, cellOf, column } from '../meta/columns.ts';
import type { VolumeAttachment } from '../types/storage-v1.ts';

export const volumeAttachment = defineKind({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'VolumeAttachment',
  plural: 'volumeattachments',
  namespaced: false,
  subresources: {
    status: STATUS,
  },
  columns: [
    column(
      'Attacher',
      cellOf<VolumeAttachment>(({ spec }) => spec.attacher),
      { format: 'name' },
    ),
    column(
      'PV',
      cellOf<VolumeAttachment>(({ spec }) => spec.source?.persistentVolumeName ?? ''),
    ),
    column(
      'Node',
      cellOf<VolumeAttachment>(({ spec }) => spec.nodeName),
    ),
    column(
      'Attached',
      cellOf<VolumeAttachment>(({ status }) => status?.attached ?? false),
      { type: 'boolean' },
    ),
    ageColumn,
  ],
});
