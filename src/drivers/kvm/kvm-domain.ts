import { createHash } from 'node:crypto';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { fingerprint } from '../../hosts/ssh/known-hosts.ts';
import type { Machine, MachineId } from '../driver.ts';
import type { Virsh } from './virsh.ts';
import { xmlAttributes } from './xml-attributes.ts';

/** What a domain says of itself in its metadata: enough to use it, and to remove it, without any file of ours. */
export interface DomainMark {
  cluster: string;
  node: string;
  address: string;
  /** The host's public key: what the machine is verified by. */
  hostKey: string;
  user: string;
  /** Fingerprint of the key of the cluster that made it: two users may have clusters of one name. */
  owner: string;
  /** The pool of its disks. */
  pool: string;
}

export interface Domain {
  mark: DomainMark;
  running: boolean;
  emulated: boolean;
}

/** Names of clusters and nodes hold no dot. */
export const domainName = ({ cluster, name }: MachineId): string => `${cluster}.${name}`;

/** The same for the same machine, so that defining it twice changes it instead of failing. */
export const domainUuid = (id: MachineId): string => {
  const hex = createHash('sha256')
    .update(`slipway ${domainName(id)}`)
    .digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join('-');
};

/** Undefined when there is none, or when it carries no mark of ours. */
export const readDomain = async (virsh: Virsh, id: MachineId): Promise<Domain | undefined> => {
  const name = domainName(id);
  const tried = `look at the machine ${id.name}`;
  const xml = await virsh.find(['dumpxml', name, '--inactive'], { tried });
  const mark = xml && parseMark(xml);
  if (!mark) return undefined;
  const state = await virsh.find(['domstate', name], { tried });
  return state === undefined
    ? undefined
    : { mark, running: !['shut off', 'crashed'].includes(state.trim()), emulated: xml.includes("<domain type='qemu'") };
};

/** Throws NODE_UNKNOWN. `verb` is what was to be done with it. */
export const knownDomain = async (virsh: Virsh, id: MachineId, verb: string): Promise<Domain> => {
  const domain = await readDomain(virsh, id);
  if (domain) return domain;
  throw new SlipwayError('NODE_UNKNOWN', { tried: `${verb} the node ${id.name}`, cause: `libvirt has no machine ${domainName(id)}` });
};

export const parseMark = (xml: string): DomainMark | undefined => xmlAttributes(xml, 'slipway:node')[0] as DomainMark | undefined;

export const listDomains = async (virsh: Virsh, cluster: string): Promise<Domain[]> => {
  const names = (await virsh.run(['list', '--all', '--name'], { tried: `list the machines of ${cluster}` })).split('\n');
  const ours = names.filter((name) => name.startsWith(`${cluster}.`)).map((name) => name.slice(cluster.length + 1));
  const domains = await Promise.all(ours.sort().map((name) => readDomain(virsh, { cluster, name })));
  return domains.filter((domain) => domain !== undefined);
};

export const machineOf = ({ mark, running, emulated }: Domain): Machine => ({
  cluster: mark.cluster,
  name: mark.node,
  state: running ? 'running' : 'stopped',
  address: mark.address,
  sameNetwork: true,
  ...(emulated ? { slow: true } : {}),
});

/** How a cluster is told from another of the same name: by its key. */
export const ownerOf = (publicKey: string): string => fingerprint(Buffer.from(publicKey.split(' ')[1] ?? '', 'base64'));
