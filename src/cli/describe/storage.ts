import type { KubeObject, Stored } from '../../api/meta/object.ts';
import type { PersistentVolume, PersistentVolumeClaim, Pod, VolumeNodeAffinity } from '../../api/types/core-v1.ts';
import { accessModesText, bracketed, describeClaim } from './claim.ts';
import { compare, dateText, type Page } from './page.ts';
import { describeVolumeSource } from './volumes.ts';
import type { World } from './world.ts';

export const describePersistentVolume = (page: Page, { metadata, spec, status }: Stored<PersistentVolume>): void => {
  page.field('Name', metadata.name);
  page.labels('Labels', metadata.labels);
  page.annotations(metadata.annotations);
  page.field('Finalizers', bracketed(metadata.finalizers));
  page.field('StorageClass', metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? spec?.storageClassName);
  page.field('Status', metadata.deletionTimestamp ? `Terminating (lasts ${page.since(metadata.deletionTimestamp)})` : status?.phase);
  page.field('Claim', spec?.claimRef ? `${spec.claimRef.namespace}/${spec.claimRef.name}` : '');
  page.field('Reclaim Policy', spec?.persistentVolumeReclaimPolicy);
  page.field('Access Modes', accessModesText(spec?.accessModes));
  page.optional('VolumeMode', spec?.volumeMode);
  page.field('Capacity', spec?.capacity?.['storage'] ?? '0');
  describeAffinity(page, spec?.nodeAffinity);
  page.field('Message', status?.message);
  page.line('Source:');
  describeVolumeSource(page, spec ?? {});
};

const describeAffinity = (page: Page, affinity: VolumeNodeAffinity | undefined): void => {
  page.field('Node Affinity', affinity?.required ? '' : '<none>');
  if (!affinity?.required) return;
  const terms = affinity.required.nodeSelectorTerms ?? [];
  page.field('Required Terms', terms.length ? '' : '<none>', 1);
  for (const [index, { matchExpressions = [] }] of terms.entries())
    page.list(
      `Term ${index}`,
      matchExpressions.map(
        ({ key, operator, values = [] }) => `${key} ${operator.toLowerCase()}${values.length ? ` [${values.join(', ')}]` : ''}`,
      ),
      '    ',
    );
};

export const describePersistentVolumeClaim = async (page: Page, claim: Stored<PersistentVolumeClaim>, world: World): Promise<void> => {
  const { name = '', namespace = '', ownerReferences = [] } = claim.metadata;
  describeClaim(page, claim, { whole: true });
  const pods = (await world.list<Stored<Pod> & KubeObject>('pods', { namespace })).filter(
    (pod) =>
      pod.spec?.volumes?.some((volume) => volume.persistentVolumeClaim?.claimName === name) ||
      ownerReferences.some((owner) => owner.kind === 'Pod' && owner.uid === pod.metadata.uid),
  );
  page.list('Used By', pods.map((pod) => pod.metadata.name ?? '').sort(compare));
  const conditions = claim.status?.conditions ?? [];
  if (!conditions.length) return;
  page.line('Conditions:');
  page.table([
    ['Type', 'Status', 'LastProbeTime', 'LastTransitionTime', 'Reason', 'Message'],
    ['----', '------', '-----------------', '------------------', '------', '-------'],
    ...conditions.map((each) => [
      `${each.type} `,
      `${each.status} `,
      `${dateText(each.lastProbeTime)} `,
      `${dateText(each.lastTransitionTime)} `,
      `${each.reason ?? ''} `,
      each.message ?? '',
    ]),
  ]);
};
