import type { Stored } from '../../api/meta/object.ts';
import type { Node, NodeAddress, Taint } from '../../api/types/core-v1.ts';
import type { CloudInstance } from '../cloud.ts';

const SHUTDOWN: Taint = { key: 'node.cloudprovider.kubernetes.io/shutdown', effect: 'NoSchedule' };

/** Labels that a machine's place and size give its node. */
export const cloudLabels = ({ type, zone, region }: CloudInstance): Record<string, string> =>
  Object.fromEntries(
    [
      ['node.kubernetes.io/instance-type', type],
      ['topology.kubernetes.io/zone', zone],
      ['topology.kubernetes.io/region', region],
    ].filter((entry): entry is [string, string] => entry[1] !== undefined),
  );

/** The patch that brings a node's metadata and spec to what its machine is; undefined when they are so already. */
export const nodePatch = (node: Stored<Node>, instance: CloudInstance): object | undefined => {
  const labels = Object.entries(cloudLabels(instance)).filter(([name, value]) => node.metadata.labels?.[name] !== value);
  const taints = node.spec?.taints ?? [];
  const isTainted = taints.some((taint) => taint.key === SHUTDOWN.key);
  const others = taints.filter((taint) => taint.key !== SHUTDOWN.key);
  const spec = {
    // It can be given once, and never changed.
    ...(node.spec?.providerID ? {} : { providerID: instance.providerId }),
    ...(isTainted === instance.running ? { taints: instance.running ? others : [...others, SHUTDOWN] } : {}),
  };
  if (!labels.length && !Object.keys(spec).length) return undefined;
  return { metadata: { labels: Object.fromEntries(labels) }, spec };
};

/** The agent's own addresses, and those that only the cloud knows of. Undefined when the node has them all. */
export const nodeAddresses = (node: Stored<Node>, instance: CloudInstance): NodeAddress[] | undefined => {
  const known = node.status?.addresses ?? [];
  const fromCloud = instance.addresses.filter(({ type }) => type !== 'InternalIP');
  const kept = known.filter(({ type }) => !type.startsWith('External') || fromCloud.some((address) => address.type === type));
  const wanted = [...kept.filter((address) => !fromCloud.some(({ type }) => type === address.type)), ...fromCloud];
  const text = (addresses: readonly NodeAddress[]): string =>
    addresses
      .map(({ type, address }) => `${type}=${address}`)
      .sort()
      .join();
  return text(wanted) === text(known) ? undefined : wanted;
};
