import type { Stored } from '../../api/meta/object.ts';
import type { EndpointAddress, EndpointPort, EndpointSubset, Pod, Service } from '../../api/types/core-v1.ts';
import { addressesOf, hasEndpoint, hasHostname, targetPort } from '../endpointslice/endpoints-of-service.ts';
import { isPodReady } from '../pods.ts';
import { canonicalJson } from '../template-hash.ts';

/** Addresses beyond it are left out of the old Endpoints; slices have them all. */
export const MAX_ADDRESSES = 1000;

interface Entry {
  address: EndpointAddress;
  ready: boolean;
  ports: EndpointPort[];
}

/** The subsets of a Service's Endpoints: addresses with the same ports stand together, in a fixed order. */
export const subsetsOf = (service: Stored<Service>, pods: readonly Stored<Pod>[]): { subsets: EndpointSubset[]; truncated: boolean } => {
  const entries = pods.flatMap((pod) => entryOf(service, pod));
  const chosen = [...entries.filter((entry) => entry.ready), ...entries.filter((entry) => !entry.ready)].slice(0, MAX_ADDRESSES);
  const groups = Map.groupBy(chosen, (entry) => canonicalJson(entry.ports));
  const subsets = [...groups.keys()].sort().map((key) => {
    const members = (groups.get(key) ?? []).sort((a, b) => order(a.address) - order(b.address) || (a.address.ip < b.address.ip ? -1 : 1));
    const addresses = members.filter((entry) => entry.ready).map((entry) => entry.address);
    const notReadyAddresses = members.filter((entry) => !entry.ready).map((entry) => entry.address);
    const ports = members[0]?.ports ?? [];
    return {
      ...(addresses.length > 0 ? { addresses } : {}),
      ...(notReadyAddresses.length > 0 ? { notReadyAddresses } : {}),
      ...(ports.length > 0 ? { ports } : {}),
    };
  });
  return { subsets, truncated: entries.length > MAX_ADDRESSES };
};

const entryOf = (service: Stored<Service>, pod: Stored<Pod>): Entry[] => {
  const publishAll = service.spec?.publishNotReadyAddresses === true;
  if (!hasEndpoint(pod) || (pod.metadata.deletionTimestamp && !publishAll)) return [];
  const family = (service.spec?.ipFamilies?.[0] ?? (service.spec?.clusterIP?.includes(':') ? 'IPv6' : 'IPv4')) as 'IPv4' | 'IPv6';
  const ip = addressesOf(pod, family)[0];
  if (ip === undefined) return [];
  const servicePorts = service.spec?.ports ?? [];
  const ports = servicePorts.flatMap((port): EndpointPort[] => {
    const number = targetPort(pod, port);
    if (number === undefined) return [];
    return [
      {
        ...(port.name ? { name: port.name } : {}),
        port: number,
        protocol: port.protocol ?? 'TCP',
        ...(port.appProtocol ? { appProtocol: port.appProtocol } : {}),
      },
    ];
  });
  if (ports.length === 0 && (servicePorts.length > 0 || service.spec?.clusterIP !== 'None')) return [];
  const address: EndpointAddress = {
    ip,
    ...(pod.spec?.nodeName ? { nodeName: pod.spec.nodeName } : {}),
    ...(hasHostname(pod, service) ? { hostname: pod.spec?.hostname } : {}),
    targetRef: { kind: 'Pod', namespace: pod.metadata.namespace, name: pod.metadata.name, uid: pod.metadata.uid },
  };
  return [{ address, ready: publishAll || isPodReady(pod), ports: ports.sort((a, b) => (canonicalJson(a) < canonicalJson(b) ? -1 : 1)) }];
};

/** IPv4 addresses as numbers; others keep the order of their text. */
const order = (address: EndpointAddress): number => {
  const parts = address.ip.split('.').map(Number);
  return parts.length === 4 ? parts.reduce((number, part) => number * 256 + part, 0) : 0;
};
