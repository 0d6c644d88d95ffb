import { isDeepStrictEqual } from 'node:util';
import { humanDuration } from '../../api/meta/columns.ts';
import type { KubeObject, Stored } from '../../api/meta/object.ts';
import { formatSelector, selectorFromObject } from '../../api/meta/selector.ts';
import type { DaemonSet, Deployment, ReplicaSet, StatefulSet } from '../../api/types/apps-v1.ts';
import type { CronJob, Job, JobTemplateSpec } from '../../api/types/batch-v1.ts';
import type { PersistentVolumeClaim, Pod, PodTemplateSpec } from '../../api/types/core-v1.ts';
import type { LabelSelector } from '../../api/types/meta-v1.ts';
import { bracketed } from './claim.ts';
import { compare, controllerText, dateText, type Page, pairsText } from './page.ts';
import { describeTemplate } from './pod.ts';
import type { World } from './world.ts';

const selectorText = (selector: LabelSelector | undefined): string => (selector ? formatSelector(selectorFromObject(selector)) : '');

export const describeDeployment = async (page: Page, deployment: Stored<Deployment>, world: World): Promise<void> => {
  const { metadata, spec, status } = deployment;
  page.field('Name', metadata.name);
  page.field('Namespace', metadata.namespace);
  page.field('CreationTimestamp', dateText(metadata.creationTimestamp));
  page.labels('Labels', metadata.labels);
  page.annotations(metadata.annotations);
  page.field('Selector', selectorText(spec?.selector));
  page.field(
    'Replicas',
    `${spec?.replicas ?? 0} desired | ${status?.updatedReplicas ?? 0} updated | ${status?.replicas ?? 0} total | ${status?.availableReplicas ?? 0} available | ${status?.unavailableReplicas ?? 0} unavailable`,
  );
  page.field('StrategyType', spec?.strategy?.type);
  page.field('MinReadySeconds', spec?.minReadySeconds ?? 0);
  const rolling = spec?.strategy?.rollingUpdate;
  if (rolling) page.field('RollingUpdateStrategy', `${rolling.maxUnavailable} max unavailable, ${rolling.maxSurge} max surge`);
  describeTemplate(page, spec?.template);
  describeConditions(page, status?.conditions);
  const sets = (
    await world.list<Stored<ReplicaSet> & KubeObject>('apps/replicasets', {
      ...inNamespace(deployment),
      labels: selectorText(spec?.selector),
    })
  )
    .filter((set) => set.metadata.ownerReferences?.some((owner) => owner.controller && owner.uid === metadata.uid))
    .sort((one, other) => compare(one.metadata.creationTimestamp ?? '', other.metadata.creationTimestamp ?? ''));
  if (!sets.length) return;
  const current = sets.find((set) => isDeepStrictEqual(withoutHash(set.spec?.template), withoutHash(spec?.template)));
  const texts = (some: readonly Stored<ReplicaSet>[]): string =>
    some.map((set) => `${set.metadata.name} (${set.status?.replicas ?? 0}/${set.spec?.replicas ?? 0} replicas created)`).join(', ') ||
    '<none>';
  page.field('OldReplicaSets', texts(sets.filter((set) => set !== current)));
  page.field('NewReplicaSet', texts(current ? [current] : []));
};

const inNamespace = (object: { metadata: { namespace?: string | undefined } }): { namespace?: string } =>
  object.metadata.namespace ? { namespace: object.metadata.namespace } : {};

const withoutHash = (template: PodTemplateSpec | undefined): unknown => {
  const { 'pod-template-hash': _, ...labels } = template?.metadata?.labels ?? {};
  return { labels, annotations: template?.metadata?.annotations ?? {}, spec: template?.spec };
};

const describeConditions = (
  page: Page,
  conditions: readonly { type: string; status: string; reason?: string | undefined }[] = [],
): void => {
  if (!conditions.length) return;
  page.line('Conditions:');
  page.table([
    ['Type', 'Status', 'Reason'],
    ['----', '------', '------'],
    ...conditions.map((each) => [`${each.type} `, each.status, each.reason ?? '']),
  ]);
};

/** `2 Running / 0 Waiting / 0 Succeeded / 0 Failed`: of the pods that the workload owns. */
const podsText = async (
  world: World,
  owner: { metadata: { namespace?: string | undefined; uid?: string | undefined } },
  selector: LabelSelector | undefined,
): Promise<string> => {
  const pods = (await world.list<Stored<Pod> & KubeObject>('pods', { ...inNamespace(owner), labels: selectorText(selector) })).filter(
    (pod) => pod.metadata.ownerReferences?.some((reference) => reference.controller && reference.uid === owner.metadata.uid),
  );
  const count = (phase: string): number => pods.filter((pod) => pod.status?.phase === phase).length;
  return `${count('Running')} Running / ${count('Pending')} Waiting / ${count('Succeeded')} Succeeded / ${count('Failed')} Failed`;
};

export const describeReplicaSet = async (page: Page, set: Stored<ReplicaSet>, world: World): Promise<void> => {
  const { metadata, spec, status } = set;
  page.field('Name', metadata.name);
  page.field('Namespace', metadata.namespace);
  page.field('Selector', selectorText(spec?.selector));
  page.labels('Labels', metadata.labels);
  page.annotations(metadata.annotations);
  page.optional('Controlled By', controllerText(set));
  page.field('Replicas', `${status?.replicas ?? 0} current / ${spec?.replicas ?? 0} desired`);
  page.field('Pods Status', await podsText(world, set, spec?.selector));
  describeTemplate(page, spec?.template);
  describeConditions(page, status?.conditions);
};

export const describeStatefulSet = async (page: Page, set: Stored<StatefulSet>, world: World): Promise<void> => {
  const { metadata, spec, status } = set;
  page.field('Name', metadata.name);
  page.field('Namespace', metadata.namespace);
  page.field('CreationTimestamp', dateText(metadata.creationTimestamp));
  page.field('Selector', selectorText(spec?.selector));
  page.labels('Labels', metadata.labels);
  page.annotations(metadata.annotations);
  page.field('Replicas', `${spec?.replicas ?? 0} desired | ${status?.replicas ?? 0} total`);
  page.field('Update Strategy', spec?.updateStrategy?.type);
  const rolling = spec?.updateStrategy?.rollingUpdate;
  if (rolling?.partition !== undefined) {
    page.field('Partition', rolling.partition, 1);
    page.optional('MaxUnavailable', rolling.maxUnavailable, 1);
  }
  page.field('Pods Status', await podsText(world, set, spec?.selector));
  describeTemplate(page, spec?.template);
  describeClaimTemplates(page, (spec?.volumeClaimTemplates ?? []) as Stored<PersistentVolumeClaim>[]);
};

const describeClaimTemplates = (page: Page, templates: readonly Stored<PersistentVolumeClaim>[]): void => {
  page.line(templates.length ? 'Volume Claims:' : 'Volume Claims:\t<none>');
  for (const { metadata, spec } of templates) {
    page.field('Name', metadata.name, 1);
    page.field('StorageClass', spec?.storageClassName, 1);
    page.labels('Labels', metadata.labels, '  ');
    page.labels('Annotations', metadata.annotations, '  ');
    page.field('Capacity', spec?.resources?.requests?.['storage'] ?? '<default>', 1);
    page.field('Access Modes', bracketed(spec?.accessModes), 1);
  }
};

export const describeDaemonSet = async (page: Page, set: Stored<DaemonSet>, world: World): Promise<void> => {
  const { metadata, spec, status } = set;
  page.field('Name', metadata.name);
  page.field('Namespace', metadata.namespace);
  page.field('Selector', selectorText(spec?.selector));
  page.field('Node-Selector', pairsText(spec?.template?.spec?.nodeSelector));
  page.labels('Labels', metadata.labels);
  page.annotations(metadata.annotations);
  page.line(`Desired Number of Nodes Scheduled: ${status?.desiredNumberScheduled ?? 0}`);
  page.line(`Current Number of Nodes Scheduled: ${status?.currentNumberScheduled ?? 0}`);
  page.line(`Number of Nodes Scheduled with Up-to-date Pods: ${status?.updatedNumberScheduled ?? 0}`);
  page.line(`Number of Nodes Scheduled with Available Pods: ${status?.numberAvailable ?? 0}`);
  page.line(`Number of Nodes Misscheduled: ${status?.numberMisscheduled ?? 0}`);
  page.field('Pods Status', await podsText(world, set, spec?.selector));
  describeTemplate(page, spec?.template);
};

export const describeJob = (page: Page, job: Stored<Job>): void => {
  const { metadata, spec, status } = job;
  page.field('Name', metadata.name);
  page.field('Namespace', metadata.namespace);
  page.field('Selector', selectorText(spec?.selector));
  page.labels('Labels', metadata.labels);
  page.annotations(metadata.annotations);
  page.optional('Controlled By', controllerText(job));
  page.optional('Parallelism', spec?.parallelism);
  page.field('Completions', spec?.completions ?? '<unset>');
  page.optional('Completion Mode', spec?.completionMode);
  page.optional('Suspend', spec?.suspend);
  page.optional('Backoff Limit', spec?.backoffLimit);
  page.optional('TTL Seconds After Finished', spec?.ttlSecondsAfterFinished);
  if (status?.startTime) page.field('Start Time', dateText(status.startTime));
  if (status?.completionTime) page.field('Completed At', dateText(status.completionTime));
  if (status?.startTime && status.completionTime)
    page.field('Duration', humanDuration(Date.parse(status.completionTime) - Date.parse(status.startTime)));
  if (spec?.activeDeadlineSeconds !== undefined) page.field('Active Deadline Seconds', `${spec.activeDeadlineSeconds}s`);
  const ready = status?.ready === undefined ? '' : ` (${status.ready} Ready)`;
  page.field(
    'Pods Statuses',
    `${status?.active ?? 0} Active${ready} / ${status?.succeeded ?? 0} Succeeded / ${status?.failed ?? 0} Failed`,
  );
  if (spec?.completionMode === 'Indexed') page.field('Completed Indexes', indexesText(status?.completedIndexes));
  describeTemplate(page, spec?.template);
};

/** A long list is cut at the first comma after fifty characters. */
const indexesText = (indexes = ''): string => {
  const comma = indexes.indexOf(',', 50);
  return comma < 0 ? indexes || '<none>' : `${indexes.slice(0, comma + 1)}...`;
};

export const describeCronJob = (page: Page, { metadata, spec, status }: Stored<CronJob>): void => {
  page.field('Name', metadata.name);
  page.field('Namespace', metadata.namespace);
  page.labels('Labels', metadata.labels);
  page.annotations(metadata.annotations);
  page.field('Schedule', spec?.schedule);
  page.field('Concurrency Policy', spec?.concurrencyPolicy);
  page.field('Suspend', spec?.suspend === undefined ? '<unset>' : spec.suspend ? 'True' : 'False');
  page.field('Time Zone', spec?.timeZone ?? '<unset>');
  page.field('Successful Job History Limit', spec?.successfulJobsHistoryLimit ?? '<unset>');
  page.field('Failed Job History Limit', spec?.failedJobsHistoryLimit ?? '<unset>');
  page.field('Starting Deadline Seconds', spec?.startingDeadlineSeconds === undefined ? '<unset>' : `${spec.startingDeadlineSeconds}s`);
  describeJobTemplate(page, spec?.jobTemplate);
  page.field('Last Schedule Time', status?.lastScheduleTime ? dateText(status.lastScheduleTime) : '<unset>');
  page.field('Active Jobs', (status?.active ?? []).map((job) => job.name).join(', ') || '<none>');
};

const describeJobTemplate = (page: Page, template: JobTemplateSpec | undefined): void => {
  const { selector, parallelism, completions, activeDeadlineSeconds } = template?.spec ?? {};
  page.field('Selector', selector ? selectorText(selector) : '<unset>');
  page.field('Parallelism', parallelism ?? '<unset>');
  page.field('Completions', completions ?? '<unset>');
  if (activeDeadlineSeconds !== undefined) page.field('Active Deadline Seconds', `${activeDeadlineSeconds}s`);
  describeTemplate(page, template?.spec?.template);
};
