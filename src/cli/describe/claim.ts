import type { Stored } from '../../api/meta/object.ts';
import type { PersistentVolumeClaim } from '../../api/types/core-v1.ts';
import type { Page } from './page.ts';

const SHORT: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};

/** `RWO,ROX`. */
export const accessModesText = (modes: readonly string[] = []): string =>
  Object.keys(SHORT)
    .filter((mode) => modes.includes(mode))
    .map((mode) => SHORT[mode])
    .join(',');

/** As Go prints a list: `[a b]`. */
export const bracketed = (items: readonly string[] = []): string => `[${items.join(' ')}]`;

/** A claim; of a template (`whole` false) only what such a one has. */
export const describeClaim = (
  page: Page,
  claim: Stored<PersistentVolumeClaim>,
  { whole, indent = '' }: { whole: boolean; indent?: string },
): void => {
  const { metadata, spec, status } = claim;
  const field = (name: string, value: unknown): void => page.field(indent + name, value);
  if (whole) {
    field('Name', metadata.name);
    field('Namespace', metadata.namespace);
  }
  field('StorageClass', metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? spec?.storageClassName);
  if (whole) field('Status', metadata.deletionTimestamp ? `Terminating (lasts ${page.since(metadata.deletionTimestamp)})` : status?.phase);
  field('Volume', spec?.volumeName);
  page.labels('Labels', metadata.labels, indent);
  page.annotations(metadata.annotations, indent);
  if (whole) field('Finalizers', bracketed(metadata.finalizers));
  field('Capacity', spec?.volumeName ? (status?.capacity?.['storage'] ?? '0') : '');
  field('Access Modes', spec?.volumeName ? accessModesText(status?.accessModes) : '');
  if (spec?.volumeMode) field('VolumeMode', spec.volumeMode);
  if (spec?.dataSource) {
    page.line(`${indent}DataSource:`);
    if (spec.dataSource.apiGroup) field('  APIGroup', spec.dataSource.apiGroup);
    field('  Kind', spec.dataSource.kind);
    field('  Name', spec.dataSource.name);
  }
};
