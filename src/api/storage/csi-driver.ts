import { defineKind } from '../define-kind.ts';
import { ageColumn, as, cellOf, column } from '../meta/columns.ts';
import type { KubeObject } from '../meta/object.ts';
import type { CSIDriver } from '../types/storage-v1.ts';

const setDefaults = (object: KubeObject): void => {
  const { spec } = as<CSIDriver>(object);
  if (!spec) return;
  spec.attachRequired ??= true;
  spec.podInfoOnMount ??= false;
  spec.storageCapacity ??= false;
  spec.fsGroupPolicy ??= 'ReadWriteOnceWithFSType';
  if (!spec.volumeLifecycleModes?.length) spec.volumeLifecycleModes = ['Persistent'];
  spec.requiresRepublish ??= false;
  spec.seLinuxMount ??= false;
};

const flag = (name: string, read: (driver: CSIDriver) => boolean | undefined) =>
  column(
    name,
    cellOf<CSIDriver>((driver) => read(driver) ?? false),
    { type: 'boolean' },
  );

export const csiDriver = defineKind({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIDriver',
  plural: 'csidrivers',
  namespaced: false,
  setDefaults,
  columns: [
    flag('AttachRequired', ({ spec }) => spec?.attachRequired),
    flag('PodInfoOnMount', ({ spec }) => spec?.podInfoOnMount),
    flag('StorageCapacity', ({ spec }) => spec?.storageCapacity),
    column(
      'TokenRequests',
      cellOf<CSIDriver>(({ spec }) => spec?.tokenRequests?.map(({ audience }) => audience).join(',') ?? '<unset>'),
    ),
    flag('RequiresRepublish', ({ spec }) => spec?.requiresRepublish),
    column(
      'Modes',
      cellOf<CSIDriver>(({ spec }) => spec?.volumeLifecycleModes?.join(',') || '<none>'),
    ),
    ageColumn,
  ],
});
