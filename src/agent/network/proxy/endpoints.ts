import type { EndpointSlice } from '../../../api/types/discovery-v1.ts';
import type { Protocol } from './service-ports.ts';

/** One address and port behind a service port, as the EndpointSlices say. */
export interface Target {
  address: string;
  port: number;
  ready: boolean;
  serving: boolean;
  terminating: boolean;
  local: boolean;
}

/** What a service port sends new connections to. Lists are sorted and hold each target once. */
export interface Choice {
  cluster: readonly Target[];
  local: readonly Target[];
  /** Some target exists somewhere: without any, clients are rejected; with some, but none local, Local traffic is dropped. */
  any: boolean;
}

export interface PortName {
  /** '' when the service port has no name. */
  name: string;
  protocol: Protocol;
}

/** All targets that the slices of a service list for one of its ports; a target that is in two slices counts as its best self. */
export const targetsOf = (slices: Iterable<EndpointSlice>, port: PortName, nodeName: string): Target[] => {
  const found = new Map<string, Target>();
  for (const slice of slices) {
    if (slice.addressType !== 'IPv4') continue;
    const slicePort = slice.ports?.find(
      (candidate) => (candidate.name ?? '') === port.name && (candidate.protocol ?? 'TCP') === port.protocol,
    );
    if (slicePort?.port === undefined) continue;
    for (const endpoint of slice.endpoints ?? []) {
      const address = endpoint.addresses[0];
      if (address === undefined) continue;
      const ready = endpoint.conditions?.ready ?? true;
      const target: Target = {
        address,
        port: slicePort.port,
        ready,
        serving: endpoint.conditions?.serving ?? ready,
        terminating: endpoint.conditions?.terminating ?? false,
        local: endpoint.nodeName === nodeName,
      };
      const key = `${address}:${target.port}`;
      const known = found.get(key);
      if (!known || rank(target) > rank(known)) found.set(key, target);
    }
  }
  return [...found.values()].sort(byAddress);
};

/**
 * KEP-1669: ready targets; when there are none, those that are terminating and still serve. Decided apart for the whole cluster
 * and for this node, because Local traffic may not leave it.
 */
export const choose = (targets: readonly Target[]): Choice => {
  const local = targets.filter((target) => target.local);
  return { cluster: readyOrFallback(targets), local: readyOrFallback(local), any: targets.some(usable) };
};

const isFallback = (target: Target): boolean => target.serving && target.terminating;
const usable = (target: Target): boolean => target.ready || isFallback(target);
const rank = (target: Target): number => (target.ready ? 2 : isFallback(target) ? 1 : 0);

const readyOrFallback = (targets: readonly Target[]): Target[] => {
  const ready = targets.filter((target) => target.ready);
  return ready.length > 0 ? ready : targets.filter(isFallback);
};

const byAddress = (a: Target, b: Target): number => (a.address === b.address ? a.port - b.port : a.address < b.address ? -1 : 1);
