import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { usesHosts } from '../../drivers/driver.ts';
import { driverDescriptor } from '../../drivers/index.ts';
import { hostIdentity } from '../../hosts/ssh/ssh-target.ts';
import type { ClusterSpec, ClusterWishes, NodeSpec } from './cluster-spec.ts';

/**
 * What flags say of the hosts of a cluster that exists: hosts that are nodes stay theirs in whatever order they are given, and the others are the new
 * addresses of those that are left, in the order of the nodes. `rest`: of nodes that come. Whether a machine is the node that it is said to be is seen
 * when it is reached.
 */
export const toldHosts = (known: ClusterSpec, wishes: ClusterWishes): { nodes: NodeSpec[]; rest: string[] } => {
  const { hosts = [], identityFile, jumpHost } = wishes;
  const keyOf = ({ settings }: NodeSpec): string => hostIdentity(String(settings['host']));
  const taken = new Set(known.nodes.map(keyOf));
  const rest = hosts.filter((host) => !taken.has(hostIdentity(host)));
  const nodes = known.nodes.map((node) => {
    if (!usesHosts(driverDescriptor(node.driver))) return node;
    const own = hosts.find((host) => hostIdentity(host) === keyOf(node));
    const host = own ?? rest.shift();
    // The address that was given for the old host is not that of the new one.
    const { address, ...others } = node.settings;
    const settings = {
      ...others,
      ...(address !== undefined && (own !== undefined || host === undefined) ? { address } : {}),
      ...(host === undefined ? {} : { host }),
      ...(identityFile ? { identityFile } : {}),
      ...(jumpHost ? { jumpHost } : {}),
    };
    return { ...node, settings };
  });
  return { nodes, rest };
};

/** Throws USAGE for hosts that no node is left for. */
export const requireAllUsed = (name: string, left: readonly string[]): void => {
  if (!left.length) return;
  throw new SlipwayError('USAGE', {
    tried: `use --host ${left[0]}`,
    cause: `every node of ${name} that is a host is given one already`,
    advice: [`slipway node list --cluster ${name} -o wide`, `slipway node add --cluster ${name} --host ${left[0]}`],
  });
};
