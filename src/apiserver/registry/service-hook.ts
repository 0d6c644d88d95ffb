import { service } from '../../api/core/service.ts';
import { type FieldError, invalid, invalidObject } from '../../api/meta/field-error.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import { internalError } from '../../api/meta/status.ts';
import type { Service } from '../../api/types/core-v1.ts';
import type { WatchCache } from '../watch/watch-cache.ts';
import type { KindHook, Settle } from './hooks.ts';
import { createIpRange, type IpRange } from './ip-range.ts';

interface Options {
  readonly cache: WatchCache;
  readonly serviceCidr: string;
  readonly nodePortRange: readonly [from: number, to: number];
}

type ServiceObject = KubeObject & Service;
type Spec = NonNullable<Service['spec']>;

/** What Services use: read from the stored ones, so that nothing can leak. */
interface InUse {
  readonly addresses: Set<string>;
  readonly ports: Set<string>;
}

/**
 * Gives Services their cluster addresses and node ports. What is taken is what stored Services say plus what writes under way have
 * been given; choosing and noting happen in one turn of the event loop, so that two writes never get the same.
 */
export const createServiceHook = ({ cache, serviceCidr, nodePortRange }: Options): KindHook => {
  const services = cache.resource(service);
  const range = createIpRange(serviceCidr);
  const pending: InUse = { addresses: new Set(), ports: new Set() };

  const inUse = (except: string | undefined): InUse => {
    const addresses = new Set(pending.addresses);
    const ports = new Set(pending.ports);
    for (const item of services.items()) {
      if (item.uid === except) continue;
      const { spec } = item.object as ServiceObject;
      for (const address of spec?.clusterIPs ?? (spec?.clusterIP ? [spec.clusterIP] : [])) addresses.add(address);
      for (const port of nodePortsOf(spec)) ports.add(port);
    }
    return { addresses, ports };
  };

  const allocate = (object: ServiceObject, old: ServiceObject | undefined, dryRun: boolean): Settle | undefined => {
    const spec = object.spec as Spec | undefined;
    if (!spec) return undefined;
    releaseUnwanted(spec, old?.spec as Spec | undefined);
    if (old && spec.type !== 'LoadBalancer' && object.status?.loadBalancer?.ingress) object.status = { ...object.status, loadBalancer: {} };
    const used = inUse(old?.metadata.uid);
    const taken: InUse = { addresses: new Set(), ports: new Set() };
    if (spec.type !== 'ExternalName') assignAddress({ object, spec, old: old?.spec as Spec | undefined, range, used, taken });
    assignPorts({ object, spec, range: nodePortRange, used, taken });
    if (dryRun || (taken.addresses.size === 0 && taken.ports.size === 0)) return undefined;
    for (const address of taken.addresses) pending.addresses.add(address);
    for (const port of taken.ports) pending.ports.add(port);
    return () => {
      for (const address of taken.addresses) pending.addresses.delete(address);
      for (const port of taken.ports) pending.ports.delete(port);
    };
  };

  return {
    resource: '/services',
    async beforeCreate(object, dryRun) {
      await services.list({ limit: 1 });
      return allocate(object as ServiceObject, undefined, dryRun);
    },
    async beforeUpdate(object, old, dryRun) {
      await services.list({ limit: 1 });
      return allocate(object as ServiceObject, old as ServiceObject, dryRun);
    },
  };
};

const nodePortsOf = (spec: Service['spec']): string[] => {
  const ports: string[] = [];
  for (const port of spec?.ports ?? []) if (port.nodePort) ports.push(`${port.nodePort}/${port.protocol ?? 'TCP'}`);
  if (spec?.healthCheckNodePort) ports.push(`${spec.healthCheckNodePort}/TCP`);
  return ports;
};

const usesNodePorts = (spec: Spec): boolean =>
  spec.type === 'NodePort' || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);

const isExternal = ({ type, externalIPs }: Spec): boolean =>
  type === 'NodePort' || type === 'LoadBalancer' || (type === 'ClusterIP' && (externalIPs?.length ?? 0) > 0);

/** A change of type takes back what the new type has no use for, where the client left it as it was. */
const releaseUnwanted = (spec: Spec, old: Spec | undefined): void => {
  if (!old) return;
  if (spec.type === 'ExternalName' && old.type !== 'ExternalName') {
    if (spec.clusterIP === old.clusterIP) {
      delete spec.clusterIP;
      delete spec.clusterIPs;
      delete spec.ipFamilies;
      delete spec.ipFamilyPolicy;
    }
  } else if (old.type !== 'ExternalName' && !spec.clusterIP && old.clusterIP) {
    spec.clusterIP = old.clusterIP;
    spec.clusterIPs = old.clusterIPs;
  }
  if (isExternal(old) && !isExternal(spec) && spec.externalTrafficPolicy === old.externalTrafficPolicy) delete spec.externalTrafficPolicy;
  if (old.type === 'LoadBalancer' && spec.type !== 'LoadBalancer') {
    if (spec.allocateLoadBalancerNodePorts === old.allocateLoadBalancerNodePorts) delete spec.allocateLoadBalancerNodePorts;
    if (spec.loadBalancerClass === old.loadBalancerClass) delete spec.loadBalancerClass;
  }
  const before = new Map((old.ports ?? []).map((port) => [`${port.port}/${port.protocol ?? 'TCP'}`, port.nodePort]));
  for (const port of spec.ports ?? []) {
    const was = before.get(`${port.port}/${port.protocol ?? 'TCP'}`);
    if (usesNodePorts(spec)) {
      if (!port.nodePort && was && usesNodePorts(old)) port.nodePort = was;
    } else if (port.nodePort && port.nodePort === was && spec.type !== 'LoadBalancer') delete port.nodePort;
  }
};

interface Assignment {
  object: ServiceObject;
  spec: Spec;
  used: InUse;
  taken: InUse;
}

const assignAddress = ({ object, spec, old, range, used, taken }: Assignment & { old: Spec | undefined; range: IpRange }): void => {
  const asked = spec.clusterIP || spec.clusterIPs?.[0] || '';
  const refuse = (field: string, detail: string): never => {
    throw invalidObject({ group: '', kind: 'Service' }, object.metadata.name ?? '', [invalid(field, [asked], detail)]);
  };
  if (old?.clusterIP && old.type !== 'ExternalName' && asked !== old.clusterIP) refuse('spec.clusterIPs[0]', 'may not change once set');
  spec.ipFamilyPolicy ??= 'SingleStack';
  spec.ipFamilies ??= [range.family];
  let address = asked;
  if (asked === '') {
    const free = range.pick((one) => !used.addresses.has(one));
    if (free === undefined) throw internalError('failed to allocate IP: range is full');
    address = free;
    taken.addresses.add(address);
  } else if (asked !== 'None' && asked !== old?.clusterIP) {
    if (!range.contains(asked))
      refuse(
        'spec.clusterIPs',
        `failed to allocate IP ${asked}: the provided IP (${asked}) is not in the valid range. The range of valid IPs is ${range.cidr}`,
      );
    if (used.addresses.has(asked)) refuse('spec.clusterIPs', `failed to allocate IP ${asked}: provided IP is already allocated`);
    taken.addresses.add(asked);
  }
  spec.clusterIP = address;
  spec.clusterIPs = [address];
};

const assignPorts = ({ object, spec, range, used, taken }: Assignment & { range: readonly [number, number] }): void => {
  const [from, to] = range;
  const errors: FieldError[] = [];
  const note = (port: number, protocol: string): void => {
    used.ports.add(`${port}/${protocol}`);
    taken.ports.add(`${port}/${protocol}`);
  };
  const isFree = (port: number, protocol: string): boolean => !used.ports.has(`${port}/${protocol}`);
  for (const [at, port] of (spec.ports ?? []).entries()) {
    const protocol = port.protocol ?? 'TCP';
    if (!port.nodePort) continue;
    const field = `spec.ports[${at}].nodePort`;
    if (port.nodePort < from || port.nodePort > to)
      errors.push(invalid(field, port.nodePort, `provided port is not in the valid range. The range of valid ports is ${from}-${to}`));
    else if (!isFree(port.nodePort, protocol)) errors.push(invalid(field, port.nodePort, 'provided port is already allocated'));
    else note(port.nodePort, protocol);
  }
  if (errors.length) throw invalidObject({ group: '', kind: 'Service' }, object.metadata.name ?? '', errors);
  const choose = (protocols: readonly string[]): number => {
    const count = to - from + 1;
    const start = Math.floor(Math.random() * count);
    for (let step = 0; step < count; step++) {
      const port = from + ((start + step) % count);
      if (protocols.every((protocol) => isFree(port, protocol))) return port;
    }
    throw internalError('failed to allocate a nodePort: range is full');
  };
  if (usesNodePorts(spec))
    for (const port of spec.ports ?? []) {
      if (port.nodePort) continue;
      const protocol = port.protocol ?? 'TCP';
      // The same port over TCP and UDP gets the same node port.
      const twin = spec.ports?.find((one) => one !== port && one.port === port.port && one.nodePort && isFree(one.nodePort, protocol));
      port.nodePort = twin?.nodePort ?? choose([protocol]);
      note(port.nodePort, protocol);
    }
  const wantsHealthPort = spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';
  if (wantsHealthPort && !spec.healthCheckNodePort) {
    spec.healthCheckNodePort = choose(['TCP']);
    note(spec.healthCheckNodePort, 'TCP');
  } else if (!wantsHealthPort && spec.healthCheckNodePort) delete spec.healthCheckNodePort;
};
