import { createHash } from 'node:crypto';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { MachineId, MachineSpec } from '../driver.ts';
import { machinePrefix } from './vboxmanage.ts';
import type { ForwardRule, VirtualBoxMachine, VirtualBoxNetwork } from './virtualbox.ts';
import { virtualboxSettings } from './virtualbox-settings.ts';

/** .1 is the gateway; a few addresses are left for Services. */
const FIRST_ADDRESS = 11;
const LAST_ADDRESS = 199;

export const groupOf = (cluster: string): string => `/slipway/${cluster}`;
export const networkName = (cluster: string): string => `slipway-${cluster}`;
export const machineName = ({ cluster, name }: MachineId): string => `${machinePrefix(groupOf(cluster))}${name}`;

/** The same for every attempt to make a machine: a hash in the form of a uuid of version 5. */
export const machineUuid = (id: MachineId): string => {
  const hex = createHash('sha256').update(`slipway ${id.cluster} ${id.name}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
};

/** In VirtualBox's range, told apart within a network by the address. */
export const macOf = (address: string): string =>
  `0800${address
    .split('.')
    .map((byte) => Number(byte).toString(16).padStart(2, '0'))
    .join('')}`.toUpperCase();

/** The first /24 of 10.91.0.0/16 that neither a network of VirtualBox nor this computer uses; or the one that is asked for. Throws ADDRESS_IN_USE. */
export const freePrefix = (
  wanted: string | undefined,
  used: { networks: readonly VirtualBoxNetwork[]; addresses: readonly string[] },
): string => {
  const isUsed = (prefix: string): boolean =>
    used.networks.some(({ cidr }) => cidr.startsWith(`${prefix}.`)) || used.addresses.some((address) => address.startsWith(`${prefix}.`));
  const candidates = wanted ? [wanted.replace(/\.0\/24$/, '')] : Array.from({ length: 256 }, (_, third) => `10.91.${third}`);
  const found = candidates.find((prefix) => !isUsed(prefix));
  if (found) return found;
  throw new SlipwayError('ADDRESS_IN_USE', {
    tried: 'find a network for the machines',
    cause: `${wanted ?? 'every network of 10.91.0.0/16'} is used on this computer already`,
    advice: ['VBoxManage natnetwork list', 'slipway up --subnet 10.200.1.0/24'],
  });
};

/** Throws ADDRESS_IN_USE. */
export const freeAddress = (prefix: string, machines: readonly VirtualBoxMachine[]): string => {
  const taken = new Set(machines.map((machine) => machine.labels['address']));
  for (let last = FIRST_ADDRESS; last <= LAST_ADDRESS; last++) if (!taken.has(`${prefix}.${last}`)) return `${prefix}.${last}`;
  throw new SlipwayError('ADDRESS_IN_USE', { tried: 'find an address for a machine', cause: `all addresses of ${prefix}.0/24 are taken` });
};

/** Ports of a machine that this computer has to reach: each gets a port of the loopback. */
export const reachedPorts = (spec: MachineSpec): number[] => [22, ...(spec.ports ?? [])];

/** `hostPorts` are free, one for each of `reachedPorts`. Published ones are added as they are asked for. */
export const forwardsOf = (spec: MachineSpec, { address, hostPorts }: { address: string; hostPorts: readonly number[] }): ForwardRule[] => {
  const rules = reachedPorts(spec).map((guestPort, index) => ({ hostPort: hostPorts[index] ?? 0, guestPort }));
  const published = spec.ports?.length ? publishedPorts(virtualboxSettings(spec.settings).publish) : [];
  return [...rules, ...published].map((rule) => ({ name: `${spec.name}-${rule.guestPort}`, guestAddress: address, ...rule }));
};

/** A node's name may be the beginning of another's. */
export const belongsTo = (rule: ForwardRule, id: MachineId): boolean => rule.name === `${id.name}-${rule.guestPort}`;

/** `30080`, `8080:30080`. Throws CONFIG_INVALID. */
const publishedPorts = (texts: readonly string[]): { hostPort: number; guestPort: number }[] =>
  texts.map((text) => {
    const match = /^(?:(\d{1,5}):)?(\d{1,5})$/.exec(text);
    if (match) return { hostPort: Number(match[1] ?? match[2]), guestPort: Number(match[2]) };
    throw new SlipwayError('CONFIG_INVALID', {
      tried: `publish ${JSON.stringify(text)}`,
      cause: 'it is not of the form 30080 or 8080:30080',
    });
  });
