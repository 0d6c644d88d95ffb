import { createHash } from 'node:crypto';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { renderTemplate } from '../../base/templates/template.ts';
import type { MachineId } from '../driver.ts';
import { NODE_RANGES, overlaps, parseRange, type Range, routedRanges } from '../free-range.ts';
import { type Virsh, XML_INPUT } from './virsh.ts';
import { unlessActive } from './virsh-errors.ts';
import { xmlAttributes } from './xml-attributes.ts';

/** A cluster's network as libvirt knows it. */
export interface KvmNetwork {
  name: string;
  bridge: string;
  /** First three bytes; the host is .1. */
  prefix: string;
  active: boolean;
  mode: string;
  /** Addresses that are given to machines. */
  hosts: { mac: string; name: string; address: string }[];
}

const FIRST_ADDRESS = 11;
const LAST_ADDRESS = 199;

export const networkName = (cluster: string): string => `slipway-${cluster}`;

/** A link has at most 15 characters. */
const bridgeName = (cluster: string): string => `swvm${createHash('sha256').update(cluster).digest('hex').slice(0, 9)}`;

/** The prefix is QEMU's. Addresses differ within a network, and so do these. */
export const macOf = (address: string): string =>
  [
    '52',
    '54',
    '00',
    ...address
      .split('.')
      .slice(1)
      .map((byte) => Number(byte).toString(16).padStart(2, '0')),
  ].join(':');

export const findNetwork = async (virsh: Virsh, cluster: string): Promise<KvmNetwork | undefined> => {
  const name = networkName(cluster);
  const xml = await virsh.find(['net-dumpxml', name, '--inactive'], { tried: `look at the network ${name}` });
  if (xml === undefined) return undefined;
  const info = await virsh.run(['net-info', name], { tried: `look at the network ${name}` });
  return { ...parseNetwork(xml), active: /^Active:\s+yes$/m.test(info) };
};

export const parseNetwork = (xml: string): Omit<KvmNetwork, 'active'> => ({
  name: /<name>([^<]*)<\/name>/.exec(xml)?.[1] ?? '',
  bridge: xmlAttributes(xml, 'bridge')[0]?.['name'] ?? '',
  prefix: (xmlAttributes(xml, 'ip')[0]?.['address'] ?? '').split('.').slice(0, 3).join('.'),
  mode: xmlAttributes(xml, 'forward')[0]?.['mode'] ?? 'isolated',
  hosts: xmlAttributes(xml, 'host').map((host) => ({ mac: host['mac'] ?? '', name: host['name'] ?? '', address: host['ip'] ?? '' })),
});

/** The network, made in the range that is wanted or in a free one, and started. Throws ADDRESS_IN_USE, NAME_TAKEN. */
export const ensureNetwork = async (
  virsh: Virsh,
  cluster: string,
  { subnet, mode }: { subnet?: string | undefined; mode: string },
): Promise<KvmNetwork> => {
  const known = await findNetwork(virsh, cluster);
  if (known) {
    await startNetwork(virsh, known);
    return { ...known, active: true };
  }
  const used = [...(await routedRanges()), ...(await libvirtRanges(virsh))];
  const candidates = subnet ? [subnet.replace(/\.0\/24$/, '')] : NODE_RANGES;
  for (const prefix of candidates) {
    if (used.some((range) => overlaps(range, prefix))) continue;
    const made = await makeNetwork(virsh, { cluster, prefix, mode });
    if (made) return made;
  }
  throw new SlipwayError('ADDRESS_IN_USE', {
    tried: `find a network for the cluster ${cluster}`,
    cause: subnet ? `${subnet} is routed here, or another network of libvirt has it` : 'every range that Slipway takes from is in use',
    advice: ['ip route', 'virsh net-list --all', 'slipway up --subnet 10.200.1.0/24'],
  });
};

/** Undefined when something took the range in the meantime. */
const makeNetwork = async (
  virsh: Virsh,
  { cluster, prefix, mode }: { cluster: string; prefix: string; mode: string },
): Promise<KvmNetwork | undefined> => {
  const name = networkName(cluster);
  const bridge = bridgeName(cluster);
  const tried = `make the network ${name}`;
  await virsh.run(['net-define', XML_INPUT], { tried, xml: renderTemplate('kvm/network', { name, cluster, bridge, prefix, mode }) });
  try {
    await virsh.run(['net-start', name], { tried });
    await virsh.run(['net-autostart', name], { tried });
  } catch (error) {
    await virsh.succeeds(['net-undefine', name]);
    if (error instanceof SlipwayError && error.code === 'ADDRESS_IN_USE') return undefined;
    throw error;
  }
  return { name, bridge, prefix, active: true, mode, hosts: [] };
};

export const startNetwork = async (virsh: Virsh, network: Pick<KvmNetwork, 'name' | 'active'>): Promise<void> => {
  if (network.active) return;
  const tried = `start the network ${network.name}`;
  await virsh.run(['net-start', network.name], { tried }).catch(unlessActive);
  // One that a crash has left as it was being made lacks this too.
  await virsh.run(['net-autostart', network.name], { tried });
};

const libvirtRanges = async (virsh: Virsh): Promise<Range[]> => {
  const tried = 'list the networks of libvirt';
  const names = (await virsh.run(['net-list', '--all', '--name'], { tried })).split('\n').filter(Boolean);
  const documents = await Promise.all(names.map((name) => virsh.find(['net-dumpxml', name, '--inactive'], { tried })));
  return documents.flatMap((xml) =>
    xmlAttributes(xml ?? '', 'ip').flatMap(({ address, prefix, netmask }) => rangeOf(address, prefix ?? netmask)),
  );
};

const rangeOf = (address: string | undefined, size: string | undefined): Range[] => {
  if (!address?.includes('.')) return [];
  const bits = size?.includes('.')
    ? size.split('.').reduce((sum, byte) => sum + Number(byte).toString(2).replaceAll('0', '').length, 0)
    : size;
  return [parseRange(`${address}/${bits ?? 24}`)];
};

/** The lowest free address becomes the machine's: written into libvirt's own network, which refuses it to a second one. */
export const reserveAddress = async (virsh: Virsh, network: KvmNetwork, id: MachineId): Promise<string> => {
  const known = network.hosts.find((host) => host.name === id.name);
  if (known) return known.address;
  const taken = new Set(network.hosts.map((host) => host.address));
  for (let last = FIRST_ADDRESS; last <= LAST_ADDRESS; last++) {
    const address = `${network.prefix}.${last}`;
    if (taken.has(address)) continue;
    await changeHost(virsh, network, 'add-last', { mac: macOf(address), name: id.name, address });
    return address;
  }
  throw new SlipwayError('ADDRESS_IN_USE', {
    tried: `find an address for the node ${id.name}`,
    cause: `${network.prefix}.0/24 has ${LAST_ADDRESS - FIRST_ADDRESS + 1} addresses for nodes, and all are taken`,
  });
};

export const releaseAddress = async (virsh: Virsh, network: KvmNetwork, id: MachineId): Promise<void> => {
  for (const host of network.hosts) if (host.name === id.name) await changeHost(virsh, network, 'delete', host);
};

const changeHost = async (
  virsh: Virsh,
  network: KvmNetwork,
  verb: 'add-last' | 'delete',
  { mac, name, address }: KvmNetwork['hosts'][number],
): Promise<void> => {
  const host = `<host mac='${mac}' name='${name}' ip='${address}'/>`;
  await virsh.run(['net-update', network.name, verb, 'ip-dhcp-host', host, '--config', ...(network.active ? ['--live'] : [])], {
    tried: `${verb === 'delete' ? 'free' : 'reserve'} the address ${address} for ${name}`,
  });
};

export const removeNetwork = async (virsh: Virsh, cluster: string): Promise<void> => {
  const network = await findNetwork(virsh, cluster);
  if (!network) return;
  const tried = `remove the network ${network.name}`;
  if (network.active) await virsh.run(['net-destroy', network.name], { tried });
  await virsh.run(['net-undefine', network.name], { tried });
};
