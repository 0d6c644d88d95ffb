import { type Overlay, ROUTE_PROTOCOL, VXLAN_DEVICE } from '../../../api/config/agent-config.ts';
import type { Stored } from '../../../api/meta/object.ts';
import type { Node } from '../../../api/types/core-v1.ts';

/** Another node, as far as reaching its pods goes. */
export interface Peer {
  name: string;
  address: string;
  podCidr: string;
}

const VXLAN_ID = 1;
/** IANA's port for VXLAN; Linux's own default differs. */
const VXLAN_PORT = 4789;
export const VXLAN_OVERHEAD_BYTES = 50;

/** Undefined until the node has both an address and a range. */
export const peerOf = (node: Stored<Node>): Peer | undefined => {
  const address = node.status?.addresses?.find((candidate) => candidate.type === 'InternalIP' && !candidate.address.includes(':'))?.address;
  const podCidr = node.spec?.podCIDR;
  return address && podCidr ? { name: node.metadata.name ?? '', address, podCidr } : undefined;
};

/**
 * Lines for `ip -batch` that make the device of this node; it may exist. Outer UDP checksums are zero, as RFC 7348 has it: Linux takes one for
 * unfinished when what is inside is, so that address translation on the way (nodes behind a NAT, sandboxes of a computer) spoils it,
 * and the other side drops the packet. What is inside has checksums of its own.
 */
export const vxlanDeviceLines = (own: Peer, options: { device: string; mtu: number }): string[] => [
  `link add ${VXLAN_DEVICE} address ${macOf(own.address)} mtu ${options.mtu - VXLAN_OVERHEAD_BYTES} type vxlan id ${VXLAN_ID} dev ${options.device} local ${own.address} dstport ${VXLAN_PORT} nolearning noudpcsum`,
  `address replace ${tunnelAddress(own.podCidr)}/32 dev ${VXLAN_DEVICE}`,
  `link set ${VXLAN_DEVICE} up`,
];

/** In a cloud the default route leads to a network that knows where pods are: nothing is set for peers. */
export type PeerOverlay = Exclude<Overlay, 'cloud'>;

/** What makes a peer's pods reachable, as lines for `ip -batch` and `bridge -batch`. Replacing what is there is no error. */
export const peerLines = (peer: Peer, overlay: PeerOverlay): { ip: string[]; bridge: string[] } =>
  overlay === 'routes'
    ? { ip: [`route replace ${peer.podCidr} via ${peer.address} proto ${ROUTE_PROTOCOL}`], bridge: [] }
    : {
        ip: [
          `neighbour replace ${tunnelAddress(peer.podCidr)} lladdr ${macOf(peer.address)} dev ${VXLAN_DEVICE} nud permanent`,
          `route replace ${peer.podCidr} via ${tunnelAddress(peer.podCidr)} dev ${VXLAN_DEVICE} onlink proto ${ROUTE_PROTOCOL}`,
        ],
        bridge: [`fdb replace ${macOf(peer.address)} dev ${VXLAN_DEVICE} dst ${peer.address} self permanent`],
      };

export const removalLines = (podCidr: string, peer: Peer | undefined, overlay: Overlay): { ip: string[]; bridge: string[] } => ({
  ip: [
    `route del ${podCidr} proto ${ROUTE_PROTOCOL}`,
    ...(overlay === 'vxlan' ? [`neighbour del ${tunnelAddress(podCidr)} dev ${VXLAN_DEVICE}`] : []),
  ],
  bridge: overlay === 'vxlan' && peer ? [`fdb del ${macOf(peer.address)} dev ${VXLAN_DEVICE} dst ${peer.address} self`] : [],
});

/** The network's own address: no pod gets it, and every node can work it out. */
const tunnelAddress = (podCidr: string): string => podCidr.split('/')[0] ?? '';

/** Made from the node's address, so that no node has to publish it. 0a: locally administered, unicast. */
export const macOf = (address: string): string =>
  ['0a', '53', ...address.split('.').map((part) => Number(part).toString(16).padStart(2, '0'))].join(':');
