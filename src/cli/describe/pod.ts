import type { Stored } from '../../api/meta/object.ts';
import { formatSelector, selectorFromObject } from '../../api/meta/selector.ts';
import type { Pod, PodTemplateSpec, TopologySpreadConstraint } from '../../api/types/core-v1.ts';
import { describeContainers, describeResources } from './containers.ts';
import { compare, controllerText, dateText, type Page } from './page.ts';
import { describeVolumes } from './volumes.ts';

export const describePod = (page: Page, pod: Stored<Pod>): void => {
  const { metadata, spec, status } = pod;
  page.field('Name', metadata.name);
  page.field('Namespace', metadata.namespace);
  page.optional('Priority', spec?.priority);
  page.optional('Priority Class Name', spec?.priorityClassName);
  page.optional('Runtime Class Name', spec?.runtimeClassName);
  page.optional('Service Account', spec?.serviceAccountName);
  page.field('Node', spec?.nodeName ? `${spec.nodeName}/${status?.hostIP ?? ''}` : '<none>');
  if (status?.startTime) page.field('Start Time', dateText(status.startTime));
  page.labels('Labels', metadata.labels);
  page.annotations(metadata.annotations);
  if (metadata.deletionTimestamp && status?.phase !== 'Failed' && status?.phase !== 'Succeeded') {
    page.field('Status', `Terminating (lasts ${page.since(metadata.deletionTimestamp)})`);
    page.field('Termination Grace Period', `${metadata.deletionGracePeriodSeconds ?? 0}s`);
  } else page.field('Status', status?.phase);
  page.optional('Reason', status?.reason);
  page.optional('Message', status?.message);
  const seccomp = spec?.securityContext?.seccompProfile;
  if (seccomp) page.field('SeccompProfile', seccomp.type);
  if (seccomp?.type === 'Localhost') page.field('LocalhostProfile', seccomp.localhostProfile);
  page.field('IP', status?.podIP);
  page.line(status?.podIPs?.length ? 'IPs:' : 'IPs:\t<none>');
  for (const { ip } of status?.podIPs ?? []) page.field('IP', ip, 1);
  page.optional('Controlled By', controllerText(pod));
  page.optional('NominatedNodeName', status?.nominatedNodeName);
  if (spec?.resources) {
    page.line('Resources:');
    describeResources(page, spec.resources, 1);
  }
  if (spec?.initContainers?.length)
    describeContainers(page, { label: 'Init Containers', containers: spec.initContainers, statuses: status?.initContainerStatuses, pod });
  describeContainers(page, { label: 'Containers', containers: spec?.containers, statuses: status?.containerStatuses, pod });
  if (spec?.ephemeralContainers?.length)
    describeContainers(page, {
      label: 'Ephemeral Containers',
      containers: spec.ephemeralContainers,
      statuses: status?.ephemeralContainerStatuses,
      pod,
    });
  describeConditions(page, pod);
  describeVolumes(page, spec?.volumes);
  page.field('QoS Class', status?.qosClass ?? 'BestEffort');
  page.labels('Node-Selectors', spec?.nodeSelector);
  page.tolerations(spec?.tolerations);
  describeSpreading(page, spec?.topologySpreadConstraints);
};

const describeConditions = (page: Page, { spec, status }: Stored<Pod>): void => {
  const conditions = status?.conditions ?? [];
  if (spec?.readinessGates?.length) {
    page.line('Readiness Gates:');
    page.line('Type\tStatus', 1);
    for (const { conditionType } of spec.readinessGates)
      page.line(`${conditionType} \t${conditions.find((each) => each.type === conditionType)?.status ?? '<none>'} `, 1);
  }
  if (!conditions.length) return;
  page.line('Conditions:');
  page.line('Type\tStatus', 1);
  for (const condition of conditions) page.line(`${condition.type} \t${condition.status} `, 1);
};

const describeSpreading = (page: Page, constraints: readonly TopologySpreadConstraint[] = [], indent = ''): void => {
  const texts = constraints
    .toSorted((one, other) => compare(one.topologyKey, other.topologyKey))
    .map(
      ({ topologyKey, whenUnsatisfiable, maxSkew, labelSelector }) =>
        `${topologyKey}:${whenUnsatisfiable} when max skew ${maxSkew} is exceeded${labelSelector ? ` for selector ${formatSelector(selectorFromObject(labelSelector)) || '<none>'}` : ''}`,
    );
  if (texts.length) page.list('Topology Spread Constraints', texts, indent);
};

export const describeTemplate = (page: Page, template: PodTemplateSpec | undefined): void => {
  const { metadata, spec } = template ?? {};
  const indent = '  ';
  page.line('Pod Template:');
  page.labels('Labels', metadata?.labels, indent);
  if (Object.keys(metadata?.annotations ?? {}).length) page.annotations(metadata?.annotations, indent);
  page.optional('Service Account', spec?.serviceAccountName, 1);
  if (spec?.initContainers?.length) describeContainers(page, { label: 'Init Containers', containers: spec.initContainers, indent });
  describeContainers(page, { label: 'Containers', containers: spec?.containers, indent });
  describeVolumes(page, spec?.volumes, indent);
  describeSpreading(page, spec?.topologySpreadConstraints, indent);
  page.optional('Priority Class Name', spec?.priorityClassName, 1);
  page.labels('Node-Selectors', spec?.nodeSelector, indent);
  page.tolerations(spec?.tolerations, indent);
};
