import type { Choice, Target } from './endpoints.ts';
import type { ServicePortInfo } from './service-ports.ts';

/**
 * What one service port puts into the table: chains by name with their rules, affinity sets by name with their timeout in
 * seconds, and elements of the shared maps and sets. Two programs are compared piece by piece to get the change between them.
 */
export interface Program {
  chains: ReadonlyMap<string, readonly string[]>;
  affinitySets: ReadonlyMap<string, number>;
  elements: readonly Element[];
}

/** `map` is one of the table's maps; `value` is '' in a set. */
export interface Element {
  map: 'services' | 'nodeports' | 'unserved' | 'unserved_nodeports' | 'hairpin';
  key: string;
  value: string;
}

export const EMPTY_PROGRAM: Program = { chains: new Map(), affinitySets: new Map(), elements: [] };

/** Mark of packets whose source is to be replaced, so that replies come back through this node. */
export const MASQUERADE_MARK = '0x4000';

/**
 *   services   VIP . proto . port -> cl/KEY or lo/KEY for the cluster IP, ext/KEY for external addresses (fw/KEY before it when
 *              source ranges are set)
 *   nodeports  proto . port       -> ext/KEY
 *   cl/KEY     one of the targets in the cluster;  lo/KEY  one of those on this node
 *   ep/KEY/.. one target, only with session affinity: remembers the client, then goes to the target
 *   unserved   VIP . proto . port -> refuse (no target anywhere) or drop (none on this node, and the policy is Local)
 */
export const compileServicePort = (info: ServicePortInfo, choice: Choice, podCidr: string): Program => {
  const chains = new Map<string, readonly string[]>();
  const affinitySets = new Map<string, number>();
  const elements: Element[] = [];
  const protocol = info.protocol.toLowerCase();
  const cluster = { name: `cl/${info.key}`, targets: choice.cluster };
  const local = { name: `lo/${info.key}`, targets: choice.local };
  const addBalancer = (balancer: { name: string; targets: readonly Target[] }): void => {
    if (balancer.targets.length > 0 && !chains.has(balancer.name))
      chains.set(balancer.name, balancerRules(info, balancer.targets, chains, affinitySets));
  };

  const internal = info.internalLocal ? local : cluster;
  addBalancer(internal);
  const clusterKey = `${info.clusterIp} . ${protocol} . ${info.port}`;
  if (internal.targets.length > 0) elements.push({ map: 'services', key: clusterKey, value: `goto ${internal.name}` });
  else elements.push({ map: 'unserved', key: clusterKey, value: choice.any ? 'drop' : 'goto refuse' });

  if (info.nodePort !== undefined || info.externalIps.length > 0 || info.loadBalancerIps.length > 0) {
    addBalancer(cluster);
    if (info.externalLocal) addBalancer(local);
    const reachable = info.externalLocal ? local : cluster;
    const entry = `ext/${info.key}`;
    if (choice.cluster.length > 0)
      chains.set(entry, externalRules(info, cluster.name, local.targets.length > 0 ? local.name : undefined, podCidr));
    const firewall = `fw/${info.key}`;
    if (choice.cluster.length > 0 && info.sourceRanges.length > 0 && info.loadBalancerIps.length > 0)
      chains.set(firewall, [`ip saddr { ${info.sourceRanges.join(', ')} } goto ${entry}`, 'drop']);
    const unserved = reachable.targets.length > 0 ? undefined : choice.any ? 'drop' : 'goto refuse';
    const addresses = [
      ...info.externalIps.map((address) => ({ address, chain: entry })),
      ...info.loadBalancerIps.map((address) => ({ address, chain: info.sourceRanges.length > 0 ? firewall : entry })),
    ];
    for (const { address, chain } of new Map(addresses.map((item) => [item.address, item])).values()) {
      const key = `${address} . ${protocol} . ${info.port}`;
      if (choice.cluster.length > 0) elements.push({ map: 'services', key, value: `goto ${chain}` });
      if (unserved) elements.push({ map: 'unserved', key, value: unserved });
    }
    if (info.nodePort !== undefined) {
      const key = `${protocol} . ${info.nodePort}`;
      if (choice.cluster.length > 0) elements.push({ map: 'nodeports', key, value: `goto ${entry}` });
      if (unserved) elements.push({ map: 'unserved_nodeports', key, value: unserved });
    }
  }
  const hairpins = new Set([...choice.cluster, ...choice.local].filter((target) => target.local).map((target) => target.address));
  for (const address of hairpins) elements.push({ map: 'hairpin', key: `${address} . ${address}`, value: '' });
  return { chains, affinitySets, elements };
};

const balancerRules = (
  info: ServicePortInfo,
  targets: readonly Target[],
  chains: Map<string, readonly string[]>,
  affinitySets: Map<string, number>,
): string[] => {
  const protocol = info.protocol.toLowerCase();
  if (info.affinitySeconds === undefined) {
    const choices = targets.map((target, index) => `${index} : ${target.address} . ${target.port}`);
    return [`meta l4proto ${protocol} dnat ip to numgen random mod ${targets.length} map { ${choices.join(', ')} }`];
  }
  const rules: string[] = [];
  const choices: string[] = [];
  targets.forEach((target, index) => {
    const suffix = `${info.key}/${target.address}/${target.port}`;
    // A set's timeout cannot be changed, so it is part of the name: another timeout is another set.
    const set = `aff/${suffix}/${info.affinitySeconds}`;
    affinitySets.set(set, info.affinitySeconds ?? 0);
    chains.set(`ep/${suffix}`, [`update @${set} { ip saddr }`, `meta l4proto ${protocol} dnat ip to ${target.address}:${target.port}`]);
    rules.push(`ip saddr @${set} goto ep/${suffix}`);
    choices.push(`${index} : goto ep/${suffix}`);
  });
  return [...rules, `numgen random mod ${targets.length} vmap { ${choices.join(', ')} }`];
};

/** Local policy keeps the client's address and the node; pods and the node itself still reach every target, as inside the cluster. */
const externalRules = (info: ServicePortInfo, cluster: string, local: string | undefined, podCidr: string): string[] => {
  const mark = `meta mark set meta mark or ${MASQUERADE_MARK}`;
  if (!info.externalLocal) return [mark, `goto ${cluster}`];
  const inside = [`ip saddr ${podCidr} goto ${cluster}`, `fib saddr type local ${mark}`, `fib saddr type local goto ${cluster}`];
  return local ? [...inside, `goto ${local}`] : inside;
};
