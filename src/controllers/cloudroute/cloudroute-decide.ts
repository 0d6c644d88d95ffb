import type { Stored } from '../../api/meta/object.ts';
import type { Node, NodeCondition } from '../../api/types/core-v1.ts';
import type { CloudRoute } from '../cloud.ts';

/** A node whose machine the cloud is to lead a range to. */
export interface RoutedNode {
  node: Stored<Node>;
  route: CloudRoute;
}

/** Nodes that have a range, and a machine of this cloud. */
export const routedNodes = (nodes: readonly Stored<Node>[], cloud: string): RoutedNode[] =>
  nodes.flatMap((node) => {
    const { podCIDR: range, providerID = '' } = node.spec ?? {};
    const machine = providerID.startsWith(`${cloud}://`) ? providerID.split('/').at(-1) : undefined;
    return range && machine && !node.metadata.deletionTimestamp ? [{ node, route: { range, machine } }] : [];
  });

/** Ranges that lead to where no node has them. A node without a machine yet keeps what there is. */
export const strayRanges = (there: readonly CloudRoute[], nodes: readonly Stored<Node>[]): string[] => {
  const wanted = new Set(nodes.map((node) => node.spec?.podCIDR));
  return there.map(({ range }) => range).filter((range) => !wanted.has(range));
};

export const hasRoute = ({ route }: RoutedNode, there: readonly CloudRoute[]): boolean =>
  there.some(({ range, machine }) => range === route.range && machine === route.machine);

/** The condition by which a node says whether pods of others are reached, in upstream's words. Undefined when it says so already. */
export const routeCondition = (node: Stored<Node>, { isRouted, now }: { isRouted: boolean; now: string }): NodeCondition | undefined => {
  const condition = isRouted
    ? { status: 'False', reason: 'RouteCreated', message: 'RouteController created a route' }
    : { status: 'True', reason: 'NoRouteCreated', message: 'RouteController failed to create a route' };
  const before = node.status?.conditions?.find(({ type }) => type === 'NetworkUnavailable');
  if (before?.status === condition.status && before.reason === condition.reason) return undefined;
  return { type: 'NetworkUnavailable', ...condition, lastHeartbeatTime: now, lastTransitionTime: now };
};
