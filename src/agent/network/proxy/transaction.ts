import { type Element, MASQUERADE_MARK, type Program } from './program.ts';

export const TABLE = 'inet slipway';

/** The fixed part of the table: hooks, the shared maps, and what does not depend on any Service. */
export interface BaseSettings {
  /** Addresses of all pods of the cluster. */
  podCidr: string;
  serviceCidr: string;
  /** Answered by the node itself: never translated, and not worth a conntrack entry. */
  clusterDns: string;
  /** Of this node's pods; undefined until the node has its range. */
  nodePodCidr: string | undefined;
}

/** Names, hooks and rules of the fixed chains. `flush` before `add rule` makes it good for a first load and a change alike. */
const baseChains = (settings: BaseSettings): Record<string, { hook?: string; rules: string[] }> => ({
  dispatch: {
    rules: [
      `ip daddr ${settings.clusterDns} return`,
      `ip daddr ${settings.serviceCidr} ip saddr != ${settings.podCidr} meta mark set meta mark or ${MASQUERADE_MARK}`,
      'ip daddr . meta l4proto . th dport vmap @services',
      'ip daddr != 127.0.0.0/8 fib daddr type local meta l4proto . th dport vmap @nodeports',
    ],
  },
  unserved_check: {
    rules: [
      `ip daddr ${settings.clusterDns} return`,
      'ip daddr . meta l4proto . th dport vmap @unserved',
      'ip daddr != 127.0.0.0/8 fib daddr type local meta l4proto . th dport vmap @unserved_nodeports',
    ],
  },
  refuse: { rules: ['reject'] },
  untrack_in: { hook: 'type filter hook prerouting priority raw', rules: [`ip daddr ${settings.clusterDns} udp dport 53 notrack`] },
  untrack_out: {
    hook: 'type filter hook output priority raw',
    rules: [`ip saddr ${settings.clusterDns} udp sport 53 notrack`, `ip daddr ${settings.clusterDns} udp dport 53 notrack`],
  },
  prerouting: { hook: 'type nat hook prerouting priority dstnat', rules: ['jump dispatch'] },
  output: { hook: 'type nat hook output priority -100', rules: ['jump dispatch'] },
  postrouting: {
    hook: 'type nat hook postrouting priority srcnat',
    rules: [
      // What stays on the node comes back by itself; and the address of lo may be the cluster's DNS.
      'oifname "lo" return',
      `meta mark & ${MASQUERADE_MARK} != 0 meta mark set meta mark xor ${MASQUERADE_MARK} masquerade fully-random`,
      'ip saddr . ip daddr @hairpin masquerade fully-random',
      ...(settings.nodePodCidr
        ? [`ip saddr ${settings.nodePodCidr} ip daddr != ${settings.podCidr} ip daddr != 224.0.0.0/4 masquerade fully-random`]
        : []),
    ],
  },
  filter_input: { hook: 'type filter hook input priority filter', rules: ['ct state new jump unserved_check'] },
  filter_forward: { hook: 'type filter hook forward priority filter', rules: ['ct state new jump unserved_check'] },
  filter_output: { hook: 'type filter hook output priority filter', rules: ['ct state new jump unserved_check'] },
});

const BASE_MAPS: Record<Element['map'], string> = {
  services: 'map inet slipway services { type ipv4_addr . inet_proto . inet_service : verdict; }',
  nodeports: 'map inet slipway nodeports { type inet_proto . inet_service : verdict; }',
  unserved: 'map inet slipway unserved { type ipv4_addr . inet_proto . inet_service : verdict; }',
  unserved_nodeports: 'map inet slipway unserved_nodeports { type inet_proto . inet_service : verdict; }',
  hairpin: 'set inet slipway hairpin { type ipv4_addr . ipv4_addr; }',
};

export const baseCommands = (settings: BaseSettings): string[] => {
  const chains = Object.entries(baseChains(settings));
  return [
    `add table ${TABLE}`,
    ...Object.values(BASE_MAPS).map((definition) => `add ${definition}`),
    ...chains.map(([name, chain]) => `add chain ${TABLE} ${name}${chain.hook ? ` { ${chain.hook}; policy accept; }` : ''}`),
    ...chains.map(([name]) => `flush chain ${TABLE} ${name}`),
    ...chains.flatMap(([name, chain]) => chain.rules.map((rule) => `add rule ${TABLE} ${name} ${rule}`)),
  ];
};

export interface Change {
  before: Program;
  after: Program;
}

export interface ElementChange {
  map: Element['map'];
  key: string;
  /** undefined: the element is not there. */
  before: string | undefined;
  after: string | undefined;
}

/**
 * The commands that turn the programs of some service ports from `before` to `after`; the order keeps every reference valid:
 * sets and chains appear, rules are replaced, elements move, then what nobody names any more is deleted.
 */
export const changeCommands = (changes: readonly Change[], elements: readonly ElementChange[]): string[] => {
  const add: string[] = [];
  const rules: string[] = [];
  const remove: string[] = [];
  const removeSets: string[] = [];
  for (const { before, after } of changes) {
    for (const [name, seconds] of after.affinitySets)
      if (!before.affinitySets.has(name)) add.push(`add set ${TABLE} ${affinityDefinition(name, seconds)}`);
    for (const [name, chain] of after.chains) {
      const known = before.chains.get(name);
      if (known && sameRules(known, chain)) continue;
      add.push(`add chain ${TABLE} ${name}`);
      if (known) rules.push(`flush chain ${TABLE} ${name}`);
      for (const rule of chain) rules.push(`add rule ${TABLE} ${name} ${rule}`);
    }
    for (const name of before.chains.keys())
      if (!after.chains.has(name)) {
        rules.push(`flush chain ${TABLE} ${name}`);
        remove.push(`delete chain ${TABLE} ${name}`);
      }
    for (const name of before.affinitySets.keys()) if (!after.affinitySets.has(name)) removeSets.push(`delete set ${TABLE} ${name}`);
  }
  return [...add, ...rules, ...elementCommands(elements), ...remove, ...removeSets];
};

const affinityDefinition = (name: string, seconds: number): string =>
  `${name} { type ipv4_addr; size 65535; flags dynamic,timeout; timeout ${seconds}s; }`;

/** One command per map for what goes and one for what comes: few commands keep the transaction small. */
const elementCommands = (changes: readonly ElementChange[]): string[] => {
  const gone = new Map<string, string[]>();
  const come = new Map<string, string[]>();
  const push = (into: Map<string, string[]>, map: string, text: string): void => {
    const list = into.get(map);
    if (list) list.push(text);
    else into.set(map, [text]);
  };
  for (const { map, key, before, after } of changes) {
    if (before === after) continue;
    if (before !== undefined) push(gone, map, key);
    if (after !== undefined) push(come, map, after === '' ? key : `${key} : ${after}`);
  }
  return [
    ...[...gone].map(([map, keys]) => `delete element ${TABLE} ${map} { ${keys.join(', ')} }`),
    ...[...come].map(([map, keys]) => `add element ${TABLE} ${map} { ${keys.join(', ')} }`),
  ];
};

const sameRules = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((rule, index) => rule === b[index]);
