import type { KubeObject, Stored } from '../../api/meta/object.ts';
import { addQuantities, compareQuantities, quantityMilliValue, quantityValue } from '../../api/meta/quantity.ts';
import type { Lease } from '../../api/types/coordination-v1.ts';
import type { Node, Pod, Taint } from '../../api/types/core-v1.ts';
import { compare, dateText, type Page } from './page.ts';
import type { World } from './world.ts';

type Amounts = Readonly<Record<string, string | number>>;

export const describeNode = async (page: Page, node: Stored<Node>, world: World): Promise<void> => {
  const { metadata, spec, status } = node;
  page.field('Name', metadata.name);
  page.field('Roles', rolesOf(metadata.labels).join(',') || '<none>');
  page.labels('Labels', metadata.labels);
  page.annotations(metadata.annotations);
  page.field('CreationTimestamp', dateText(metadata.creationTimestamp));
  page.list(
    'Taints',
    (spec?.taints ?? []).toSorted((one, other) => compare(`${one.effect},${one.key}`, `${other.effect},${other.key}`)).map(taintText),
  );
  page.field('Unschedulable', spec?.unschedulable ?? false);
  describeLease(page, await world.get<Stored<Lease> & KubeObject>('coordination.k8s.io/leases', metadata.name ?? '', 'kube-node-lease'));
  if (status?.conditions?.length) {
    page.line('Conditions:');
    page.table([
      ['Type', 'Status', 'LastHeartbeatTime', 'LastTransitionTime', 'Reason', 'Message'],
      ['----', '------', '-----------------', '------------------', '------', '-------'],
      ...status.conditions.map((each) => [
        `${each.type} `,
        `${each.status} `,
        `${dateText(each.lastHeartbeatTime)} `,
        `${dateText(each.lastTransitionTime)} `,
        `${each.reason ?? ''} `,
        each.message ?? '',
      ]),
    ]);
  }
  page.line('Addresses:');
  for (const { type, address } of status?.addresses ?? []) page.field(type, address, 1);
  for (const [title, amounts] of [
    ['Capacity', status?.capacity],
    ['Allocatable', status?.allocatable],
  ] as const)
    if (Object.keys(amounts ?? {}).length) {
      page.line(`${title}:`);
      for (const name of Object.keys(amounts ?? {}).sort(compare)) page.field(name, amounts?.[name], 1);
    }
  describeSystem(page, status?.nodeInfo as unknown as Record<string, string> | undefined);
  page.optional('PodCIDR', spec?.podCIDR);
  page.optional('PodCIDRs', spec?.podCIDRs?.join(','));
  page.optional('ProviderID', spec?.providerID);
  const fields = `spec.nodeName=${metadata.name},status.phase!=Failed,status.phase!=Succeeded`;
  describePods(page, await world.list<Stored<Pod> & KubeObject>('pods', { fields }), status?.allocatable ?? status?.capacity ?? {});
};

const rolesOf = (labels: Readonly<Record<string, string>> = {}): string[] => {
  const roles = Object.entries(labels).flatMap(([key, value]) =>
    key.startsWith('node-role.kubernetes.io/')
      ? [key.slice('node-role.kubernetes.io/'.length)]
      : key === 'kubernetes.io/role'
        ? [value]
        : [],
  );
  return [...new Set(roles.filter(Boolean))].sort(compare);
};

const taintText = ({ key, value, effect }: Taint): string => `${key}${value ? `=${value}` : ''}:${effect}`;

const describeLease = (page: Page, lease: (Stored<Lease> & KubeObject) | Error): void => {
  if (lease instanceof Error) {
    page.field('Lease', `Failed to get lease: ${lease.message}`);
    return;
  }
  page.line('Lease:');
  page.field('HolderIdentity', lease.spec?.holderIdentity ?? '<unset>', 1);
  page.field('AcquireTime', lease.spec?.acquireTime ? dateText(lease.spec.acquireTime) : '<unset>', 1);
  page.field('RenewTime', lease.spec?.renewTime ? dateText(lease.spec.renewTime) : '<unset>', 1);
};

const SYSTEM: readonly (readonly [title: string, field: string])[] = [
  ['Machine ID', 'machineID'],
  ['System UUID', 'systemUUID'],
  ['Boot ID', 'bootID'],
  ['Kernel Version', 'kernelVersion'],
  ['OS Image', 'osImage'],
  ['Operating System', 'operatingSystem'],
  ['Architecture', 'architecture'],
  ['Container Runtime Version', 'containerRuntimeVersion'],
  ['Kubelet Version', 'kubeletVersion'],
];

const describeSystem = (page: Page, info: Readonly<Record<string, string>> | undefined): void => {
  page.line('System Info:');
  for (const [title, field] of SYSTEM) page.field(title, info?.[field], 1);
};

const describePods = (page: Page, pods: readonly Stored<Pod>[], allocatable: Amounts): void => {
  page.field('Non-terminated Pods', `(${pods.length} in total)`);
  const share = (name: string, amount: string): string => {
    const whole = allocatable[name] === undefined ? 0 : (name === 'cpu' ? quantityMilliValue : quantityValue)(allocatable[name]);
    const part = (name === 'cpu' ? quantityMilliValue : quantityValue)(amount);
    return `${amount} (${whole ? Math.trunc((part / whole) * 100) : 0}%)`;
  };
  const sums = pods.map((pod) => ({ pod, requests: amountsOf(pod, 'requests'), limits: amountsOf(pod, 'limits') }));
  page.table([
    ['Namespace', 'Name', '', 'CPU Requests', 'CPU Limits', 'Memory Requests', 'Memory Limits', 'Age'],
    ['---------', '----', '', '------------', '----------', '---------------', '-------------', '---'],
    ...sums.map(({ pod, requests, limits }) => [
      pod.metadata.namespace ?? '',
      pod.metadata.name ?? '',
      '',
      ...['cpu', 'memory'].flatMap((name) => [share(name, requests[name] ?? '0'), share(name, limits[name] ?? '0')]),
      page.since(pod.metadata.creationTimestamp),
    ]),
  ]);
  const total = (which: 'requests' | 'limits', name: string): string =>
    sums.reduce((sum, each) => addQuantities(sum, each[which][name] ?? '0'), '0');
  const more = Object.keys(allocatable).filter((name) => !['cpu', 'memory', 'ephemeral-storage', 'pods'].includes(name));
  const huge = more.filter((name) => name.startsWith('hugepages-')).sort(compare);
  page.line('Allocated resources:');
  page.line('(Total limits may be over 100 percent, i.e., overcommitted.)', 1);
  page.table([
    ['Resource', 'Requests', 'Limits'],
    ['--------', '--------', '------'],
    ...['cpu', 'memory', 'ephemeral-storage', ...huge].map((name) => [
      name,
      share(name, total('requests', name)),
      share(name, total('limits', name)),
    ]),
    ...more
      .filter((name) => !huge.includes(name))
      .sort(compare)
      .map((name) => [name, total('requests', name), total('limits', name)]),
  ]);
};

/** What a pod takes: all containers and sidecars together, or its largest init container with the sidecars before it. */
const amountsOf = ({ spec }: Stored<Pod>, which: 'requests' | 'limits'): Record<string, string> => {
  const sum: Record<string, string> = {};
  const add = (to: Record<string, string>, amounts: Amounts = {}): void => {
    for (const [name, amount] of Object.entries(amounts)) to[name] = addQuantities(to[name] ?? '0', amount);
  };
  const sidecars: Record<string, string> = {};
  const peak: Record<string, string> = {};
  const raise = (amounts: Readonly<Record<string, string>>): void => {
    for (const [name, amount] of Object.entries(amounts)) if (compareQuantities(amount, peak[name] ?? '0') > 0) peak[name] = amount;
  };
  for (const container of spec?.initContainers ?? []) {
    const amounts = container.resources?.[which];
    if (container.restartPolicy === 'Always') {
      add(sidecars, amounts);
      raise(sidecars);
    } else {
      const together = { ...sidecars };
      add(together, amounts);
      raise(together);
    }
  }
  for (const container of spec?.containers ?? []) add(sum, container.resources?.[which]);
  add(sum, sidecars);
  raise(sum);
  for (const [name, amount] of Object.entries(spec?.resources?.[which] ?? {})) peak[name] = String(amount);
  add(peak, spec?.overhead);
  return peak;
};
