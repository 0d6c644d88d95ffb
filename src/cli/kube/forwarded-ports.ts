import type { KubeObject } from '../../api/meta/object.ts';
import { CommandError } from '../errors.ts';
import type { Pod } from './pods-of.ts';
import { podSpecOf } from './workloads.ts';

export interface PortPair {
  /** 0: any free one. Set to the real one once it listens. */
  local: number;
  remote: number;
}

/** `9090:8080`, `8080`, `:8080`, `9090:http`. `resolve` turns the remote side (a number or a name) into the pod's port. */
export const parsePortPairs = (specs: readonly string[], resolve: (port: string) => number): PortPair[] =>
  specs.map((spec) => {
    const parts = spec.split(':');
    if (parts.length > 2 || !parts.at(-1)) throw new CommandError(`invalid port format '${spec}'`);
    const remoteText = parts.at(-1) as string;
    const remote = resolve(remoteText);
    const localText = parts.length === 1 ? (/^\d+$/.test(remoteText) ? remoteText : String(remote)) : (parts[0] as string);
    const local = localText === '' ? 0 : Number(localText);
    for (const [side, port] of [
      ['local', local],
      ['remote', remote],
    ] as const)
      if (!Number.isInteger(port) || port < 0 || port > 65535 || (side === 'remote' && port === 0))
        throw new CommandError(`error parsing ${side} port in '${spec}'`);
    return { local, remote };
  });

/** The pod's port behind a port of a Service, or a named port of the pod itself. */
export const servicePortToPod = (port: string, service: KubeObject | undefined, pod: Pod): number => {
  const isNumber = /^\d+$/.test(port);
  if (!service) return isNumber ? Number(port) : namedPort(port, pod);
  const { ports = [] } = service['spec'] as { ports?: { name?: string; port: number; targetPort?: number | string }[] };
  const found = ports.find((each) => (isNumber ? each.port === Number(port) : each.name === port));
  if (!found) throw new CommandError(`Service ${service.metadata.name} does not have a service port ${port}`);
  const target = found.targetPort ?? found.port;
  return typeof target === 'number' ? target : namedPort(target, pod);
};

const namedPort = (name: string, pod: Pod): number => {
  const found = podSpecOf({ ...pod, kind: 'Pod' })
    .containers.flatMap((container) => container.ports ?? [])
    .find((port) => port.name === name);
  if (!found) throw new CommandError(`Pod '${pod.metadata.name}' does not have a named port '${name}'`);
  return found.containerPort;
};
