import { createHash } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { runProcess } from '../../hosts/local/run-process.ts';
import { ipJson, NODE_RANGES, overlaps, routedRanges } from '../free-range.ts';

/** The network that a cluster's nodes share: one bridge on this host, with a /24 of its own. */
export interface ClusterNetwork {
  bridge: string;
  /** First three bytes: `10.89.4`. The host is .1; nodes begin at .11. */
  prefix: string;
}

/** Names of links have at most 15 characters, so they carry a digest of what they belong to; `ip link` shows the whole name as alias. */
export const linkName = (kind: 'br' | 'if', ...parts: string[]): string =>
  `sw${kind}${createHash('sha256').update(parts.join('/')).digest('hex').slice(0, 9)}`;

/** The same MAC for the same address: neighbours need not learn anew after a node was off. */
export const macFor = (address: string): string =>
  ['0a', '58', ...address.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'))].join(':');

const ip = async (lines: readonly string[], enter: readonly string[] = []): Promise<void> => {
  await runProcess([...enter, 'ip', '-batch', '-'], { where: 'this host', input: `${lines.join('\n')}\n` });
};

/**
 * Finds a /24 that nothing on this host routes or has reserved, and reserves it by a file that only one process can make.
 * `wanted` (a setting) is taken as it stands, or refused with ADDRESS_IN_USE.
 */
export const reservePrefix = async (reservations: string, owner: string, wanted?: string): Promise<string> => {
  mkdirSync(reservations, { recursive: true, mode: 0o700 });
  const known = reservedBy(reservations, owner).find((name) => !name.startsWith('.'));
  if (known) return known;
  const used = await routedRanges();
  const candidates = wanted ? [wanted] : NODE_RANGES;
  for (const prefix of candidates) {
    if (used.some((range) => overlaps(range, prefix))) continue;
    if (reserve(reservations, prefix, owner)) return prefix;
  }
  throw new SlipwayError('ADDRESS_IN_USE', {
    tried: `find a network for the cluster ${owner}`,
    cause: wanted ? `${wanted}.0/24 is routed or reserved already` : 'every range that Slipway takes from is routed or reserved already',
    advice: ['ip route', 'slipway up --subnet 10.200.1.0/24'],
  });
};

/** False when another has it. The file appears with its content: one without an owner would never be released. */
const reserve = (reservations: string, prefix: string, owner: string): boolean => {
  const beside = join(reservations, `.${owner}.${process.pid}`);
  writeFileSync(beside, owner, { mode: 0o600 });
  try {
    linkSync(beside, join(reservations, prefix));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(beside, { force: true });
  }
};

const reservedBy = (reservations: string, owner: string): string[] => {
  if (!existsSync(reservations)) return [];
  const ownerOf = (name: string): string | undefined => {
    try {
      return readFileSync(join(reservations, name), 'utf8');
    } catch {
      // Given back by another process in this moment.
      return undefined;
    }
  };
  return readdirSync(reservations).filter((name) => (name.startsWith('.') ? name.startsWith(`.${owner}.`) : ownerOf(name) === owner));
};

/** Gives back every range of an owner, and what an interrupted reservation of it left. */
export const releasePrefix = (reservations: string, owner: string): void => {
  for (const name of reservedBy(reservations, owner)) rmSync(join(reservations, name), { force: true });
};

/** Makes the bridge when it is not there. Nodes reach the world through this host, which hides them behind its own address. */
export const ensureBridge = async (network: ClusterNetwork, cluster: string): Promise<void> => {
  const { bridge, prefix } = network;
  const there = await runProcess(['ip', 'link', 'show', bridge], { where: 'this host', check: false });
  if (there.exitCode !== 0) {
    await ip([
      `link add ${bridge} type bridge forward_delay 0`,
      `link set ${bridge} alias slipway:${cluster} addrgenmode none`,
      `address add ${prefix}.1/24 dev ${bridge}`,
      `link set ${bridge} up`,
    ]).catch((error: unknown) => {
      // Another call of this process may have been first.
      if (!(error instanceof SlipwayError && error.logLines.some((line) => line.includes('File exists')))) throw error;
    });
  }
  writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
  await runProcess(['nft', '-f', '-'], { where: 'this host', input: masqueradeRules(network) });
  await acceptForwarded(bridge);
};

const masqueradeRules = ({ bridge, prefix }: ClusterNetwork): string => `table ip ${bridge}
delete table ip ${bridge}
table ip ${bridge} {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr ${prefix}.0/24 oifname != "${bridge}" masquerade
  }
}
`;

/**
 * Docker and some firewalls drop what this host forwards, and where bridged packets pass iptables (br_netfilter) that also hits
 * packets from node to node. An accept at the head of the chain is the only cure: no other table can overrule a drop.
 */
const acceptForwarded = async (bridge: string): Promise<void> => {
  const chain = await runProcess(['iptables', '-w', '-S', 'FORWARD'], { where: 'this host', check: false });
  if (chain.exitCode !== 0 || !forwardDrops(chain.stdout)) return;
  for (const side of ['-i', '-o']) {
    const rule = ['FORWARD', side, bridge, '-m', 'comment', '--comment', 'slipway', '-j', 'ACCEPT'];
    const known = await runProcess(['iptables', '-w', '-C', ...rule], { where: 'this host', check: false });
    if (known.exitCode !== 0) await runProcess(['iptables', '-w', '-I', ...rule], { where: 'this host' });
  }
};

/** Whether a listing of the FORWARD chain (`iptables -S`) can drop anything. */
export const forwardDrops = (rules: string): boolean => /^-P FORWARD DROP|-j (DROP|REJECT|DOCKER)/m.test(rules);

/** Moves an interface of its own into the namespace of `pid`, with the node's address. */
export const attachNode = async (
  network: ClusterNetwork,
  options: { link: string; alias: string; address: string; pid: number },
): Promise<void> => {
  const { link, alias, address, pid } = options;
  await runProcess(['ip', 'link', 'delete', link], { where: 'this host', check: false });
  await ip([
    `link add ${link} type veth peer name eth0 address ${macFor(address)} netns ${pid}`,
    `link set ${link} alias slipway:${alias} addrgenmode none master ${network.bridge} up`,
  ]);
  await ip(
    ['link set lo up', `address add ${address}/24 dev eth0`, 'link set eth0 up', `route add default via ${network.prefix}.1`],
    ['nsenter', '--target', String(pid), '--net', '--'],
  );
};

/** Sends what goes to `ranges` through the node; called again with fewer, the others are taken away. */
export const routeThrough = async (network: ClusterNetwork, address: string, ranges: readonly string[]): Promise<void> => {
  const there = await ipJson<{ dst: string; gateway?: string }>('-4', 'route', 'show', 'dev', network.bridge);
  const old = there.filter((route) => route.gateway === address && !ranges.includes(route.dst));
  const lines = [
    ...old.map((route) => `route delete ${route.dst} via ${address} dev ${network.bridge}`),
    ...ranges.map((range) => `route replace ${range} via ${address} dev ${network.bridge}`),
  ];
  if (lines.length) await ip(lines);
};

/** Takes away the bridge with its addresses and routes, and the rules that were made for it. */
export const removeBridge = async ({ bridge }: ClusterNetwork): Promise<void> => {
  await runProcess(['ip', 'link', 'delete', bridge], { where: 'this host', check: false });
  await runProcess(['nft', 'delete', 'table', 'ip', bridge], { where: 'this host', check: false });
  for (const side of ['-i', '-o'])
    await runProcess(['iptables', '-w', '-D', 'FORWARD', side, bridge, '-m', 'comment', '--comment', 'slipway', '-j', 'ACCEPT'], {
      where: 'this host',
      check: false,
    }).catch(() => {});
};
