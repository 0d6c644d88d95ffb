import { keyOf, type Stored } from '../../../api/meta/object.ts';
import type { Service, ServicePort } from '../../../api/types/core-v1.ts';
import type { Endpoint, EndpointSlice } from '../../../api/types/discovery-v1.ts';

export type ZoneRecord =
  | { type: 'A' | 'AAAA'; name: string; ttl: number; data: string }
  | { type: 'CNAME' | 'PTR' | 'NS'; name: string; ttl: number; data: string }
  | { type: 'TXT'; name: string; ttl: number; data: string }
  | { type: 'SRV'; name: string; ttl: number; data: { priority: number; weight: number; port: number; target: string } }
  | { type: 'SOA'; name: string; ttl: number; data: SoaData };

interface SoaData {
  mname: string;
  rname: string;
  serial: number;
  refresh: number;
  retry: number;
  expire: number;
  minimum: number;
}

/**
 * `found` without answers is NODATA: the name exists, but not with this type. `elsewhere` is for an upstream server. `alias` leads
 * out of the cluster, so its target has to be asked upstream.
 */
export type ZoneAnswer =
  | { kind: 'found'; answers: ZoneRecord[]; additionals: ZoneRecord[] }
  | { kind: 'alias'; record: ZoneRecord; target: string }
  | { kind: 'no-such-name' }
  | { kind: 'elsewhere' };

/** Short, since clients keep an address for so long after it has gone. Seconds. */
const TTL_SECONDS = 5;

interface Entry {
  service: Stored<Service> | undefined;
  slices: Map<string, EndpointSlice>;
}

/**
 * The cluster's zone as the DNS specification of Kubernetes (1.1.0) has it, answered from Services and EndpointSlices. Pure: it
 * holds what it is told and knows no sockets. Names are lower case and without the last dot.
 */
export class ClusterZone {
  readonly #domain: string;
  readonly #entries = new Map<string, Entry>();
  /** How many services a namespace has: a namespace's name exists as long as one does. */
  readonly #namespaces = new Map<string, number>();
  /** Cluster IP or headless endpoint's address to its names. */
  readonly #reverse = new Map<string, Map<string, string>>();
  #serial = 1;

  constructor(domain: string) {
    this.#domain = domain.toLowerCase().replace(/\.$/, '');
  }

  setService(key: string, service: Stored<Service> | undefined): void {
    this.#serial += 1;
    const entry = this.#entries.get(key) ?? { service: undefined, slices: new Map() };
    this.#forgetReverse(key, entry);
    const namespace = key.split('/')[0] ?? '';
    const count = (this.#namespaces.get(namespace) ?? 0) + (service ? 1 : 0) - (entry.service ? 1 : 0);
    if (count > 0) this.#namespaces.set(namespace, count);
    else this.#namespaces.delete(namespace);
    entry.service = service;
    this.#keep(key, entry);
  }

  setSlice(slice: Stored<EndpointSlice>, options: { deleted: boolean }): void {
    const name = slice.metadata.labels?.['kubernetes.io/service-name'];
    if (name === undefined) return;
    const key = `${slice.metadata.namespace}/${name}`;
    const entry = this.#entries.get(key) ?? { service: undefined, slices: new Map() };
    this.#forgetReverse(key, entry);
    if (options.deleted) entry.slices.delete(keyOf(slice));
    else entry.slices.set(keyOf(slice), slice);
    this.#keep(key, entry);
  }

  /** The record that says how long "no" may be remembered. */
  soa(): ZoneRecord {
    const mname = `ns.dns.${this.#domain}`;
    const data = {
      mname,
      rname: `hostmaster.${this.#domain}`,
      serial: this.#serial,
      refresh: 7200,
      retry: 1800,
      expire: 86400,
      minimum: TTL_SECONDS,
    };
    return { type: 'SOA', name: this.#domain, ttl: TTL_SECONDS, data };
  }

  lookup(name: string, type: string): ZoneAnswer {
    const reversed = addressOfReverseName(name);
    if (reversed !== undefined) return this.#lookupReverse(name, reversed, type);
    if (name !== this.#domain && !name.endsWith(`.${this.#domain}`)) return { kind: 'elsewhere' };
    const labels = name === this.#domain ? [] : name.slice(0, -this.#domain.length - 1).split('.');
    const last = labels.at(-1);
    if (last === undefined) return this.#lookupApex(type);
    if (last === 'svc') return this.#lookupService(name, labels.slice(0, -1), type);
    if (last === 'pod') return this.#lookupPod(name, labels.slice(0, -1), type);
    if (labels.length === 1 && last === 'dns-version')
      return found(type === 'TXT' ? [{ type: 'TXT', name, ttl: TTL_SECONDS, data: '1.1.0' }] : []);
    if (name === `ns.dns.${this.#domain}` || name === `dns.${this.#domain}`) return found([]);
    return { kind: 'no-such-name' };
  }

  #lookupApex(type: string): ZoneAnswer {
    if (type === 'SOA') return found([this.soa()]);
    if (type === 'NS') return found([{ type: 'NS', name: this.#domain, ttl: TTL_SECONDS, data: `ns.dns.${this.#domain}` }]);
    return found([]);
  }

  #lookupService(name: string, labels: string[], type: string): ZoneAnswer {
    if (labels.length === 0) return found([]);
    const namespace = labels.at(-1) ?? '';
    if (labels.length === 1) return this.#namespaces.has(namespace) ? found([]) : { kind: 'no-such-name' };
    const entry = this.#entries.get(`${namespace}/${labels.at(-2)}`);
    const service = entry?.service;
    if (!entry || !service) return { kind: 'no-such-name' };
    const host = `${labels.at(-2)}.${namespace}.svc.${this.#domain}`;
    const rest = labels.slice(0, -2);
    if (service.spec?.type === 'ExternalName') {
      if (rest.length > 0) return { kind: 'no-such-name' };
      const target = (service.spec.externalName ?? '').toLowerCase().replace(/\.$/, '');
      return { kind: 'alias', record: { type: 'CNAME', name, ttl: TTL_SECONDS, data: target }, target };
    }
    const backends = isHeadless(service) ? this.#endpointsOf(entry, host) : clusterIpsOf(service, host);
    if (rest.length === 0) {
      // A headless service without endpoints that are ready has no name, as upstream's DNS answers it.
      if (backends.length === 0 && isHeadless(service)) return { kind: 'no-such-name' };
      return type === 'SRV' ? srvAnswer(name, service, backends, () => true) : found(addressRecords(name, type, backends));
    }
    const [first = '', second] = rest;
    if (rest.length === 2 && second !== undefined && first.startsWith('_') && second.startsWith('_'))
      return srvAnswer(
        name,
        service,
        backends,
        (port) => `_${port.name ?? ''}` === first && `_${(port.protocol ?? 'TCP').toLowerCase()}` === second,
        type,
      );
    if (rest.length !== 1 || !isHeadless(service)) return { kind: 'no-such-name' };
    const named = backends.filter((backend) => backend.host === `${first}.${host}`);
    return named.length > 0 ? found(addressRecords(name, type, named)) : { kind: 'no-such-name' };
  }

  /** `10-244-1-5.default.pod`: the address is in the name, so nothing has to be known of the pod. */
  #lookupPod(name: string, labels: string[], type: string): ZoneAnswer {
    if (labels.length === 0) return found([]);
    const namespace = labels.at(-1) ?? '';
    if (!this.#namespaces.has(namespace) && labels.length === 1) return { kind: 'no-such-name' };
    if (labels.length === 1) return found([]);
    const address = (labels[0] ?? '').replaceAll('-', '.');
    if (labels.length !== 2 || !isIpv4(address)) return { kind: 'no-such-name' };
    return found(type === 'A' ? [{ type: 'A', name, ttl: TTL_SECONDS, data: address }] : []);
  }

  #lookupReverse(name: string, address: string, type: string): ZoneAnswer {
    const names = this.#reverse.get(address);
    if (!names) return { kind: 'elsewhere' };
    return found(type === 'PTR' ? [...new Set(names.values())].map((data) => ({ type: 'PTR', name, ttl: TTL_SECONDS, data })) : []);
  }

  #endpointsOf(entry: Entry, host: string): Backend[] {
    const found = new Map<string, Backend>();
    for (const slice of entry.slices.values())
      for (const endpoint of slice.endpoints ?? []) {
        if (!(endpoint.conditions?.ready ?? true)) continue;
        const ports = new Map((slice.ports ?? []).map((port) => [`${port.name ?? ''}/${port.protocol ?? 'TCP'}`, port.port ?? 0]));
        for (const address of endpoint.addresses)
          found.set(address, { address, host: `${hostLabel(endpoint, address)}.${host}`, ports, named: endpoint.hostname !== undefined });
      }
    return [...found.values()];
  }

  #keep(key: string, entry: Entry): void {
    if (!entry.service && entry.slices.size === 0) {
      this.#entries.delete(key);
      return;
    }
    this.#entries.set(key, entry);
    for (const backend of this.#reverseBackends(key, entry)) {
      const names = this.#reverse.get(backend.address) ?? new Map<string, string>();
      names.set(key, backend.host);
      this.#reverse.set(backend.address, names);
    }
  }

  #forgetReverse(key: string, entry: Entry): void {
    for (const backend of this.#reverseBackends(key, entry)) {
      const names = this.#reverse.get(backend.address);
      names?.delete(key);
      if (names?.size === 0) this.#reverse.delete(backend.address);
    }
  }

  #reverseBackends(key: string, entry: Entry): Backend[] {
    if (!entry.service || entry.service.spec?.type === 'ExternalName') return [];
    const [namespace, name] = key.split('/');
    const host = `${name}.${namespace}.svc.${this.#domain}`;
    return isHeadless(entry.service) ? this.#endpointsOf(entry, host) : clusterIpsOf(entry.service, host);
  }
}

/** An address behind a service name. `ports` is undefined where the service's own ports hold. */
interface Backend {
  address: string;
  host: string;
  ports: ReadonlyMap<string, number> | undefined;
  named: boolean;
}

const found = (answers: ZoneRecord[], additionals: ZoneRecord[] = []): ZoneAnswer => ({ kind: 'found', answers, additionals });

const isHeadless = (service: Stored<Service>): boolean => service.spec?.clusterIP === 'None';

const clusterIpsOf = (service: Stored<Service>, host: string): Backend[] =>
  (service.spec?.clusterIPs ?? [service.spec?.clusterIP ?? ''])
    .filter((address) => address !== '')
    .map((address) => ({ address, host, ports: undefined, named: false }));

/** Endpoints without a hostname are named by their address: `10-244-1-5`. */
const hostLabel = (endpoint: Endpoint, address: string): string => endpoint.hostname ?? address.replace(/[.:]/g, '-');

const addressRecords = (name: string, type: string, backends: readonly Backend[]): ZoneRecord[] =>
  type === 'A' || type === 'AAAA'
    ? backends
        .filter((backend) => backend.address.includes(':') === (type === 'AAAA'))
        .map((backend) => ({ type, name, ttl: TTL_SECONDS, data: backend.address }))
    : [];

const srvAnswer = (
  name: string,
  service: Stored<Service>,
  backends: readonly Backend[],
  wanted: (port: ServicePort) => boolean,
  type = 'SRV',
): ZoneAnswer => {
  const answers: ZoneRecord[] = [];
  const hosts = new Map<string, Backend>();
  for (const port of (service.spec?.ports ?? []).filter(wanted))
    for (const backend of backends) {
      const number = backend.ports ? backend.ports.get(`${port.name ?? ''}/${port.protocol ?? 'TCP'}`) : port.port;
      if (number === undefined) continue;
      hosts.set(backend.host, backend);
      answers.push({ type: 'SRV', name, ttl: TTL_SECONDS, data: { priority: 0, weight: 100, port: number, target: backend.host } });
    }
  if (answers.length === 0) return { kind: 'no-such-name' };
  if (type !== 'SRV') return found([]);
  const weight = Math.max(1, Math.floor(100 / answers.length));
  for (const answer of answers) if (answer.type === 'SRV') answer.data.weight = weight;
  const additionals = [...hosts.values()].flatMap((backend) =>
    addressRecords(backend.host, backend.address.includes(':') ? 'AAAA' : 'A', [backend]),
  );
  return found(answers, additionals);
};

const isIpv4 = (text: string): boolean => /^(\d{1,3})(\.\d{1,3}){3}$/.test(text) && text.split('.').every((part) => Number(part) < 256);

/** `10.0.96.10.in-addr.arpa` -> `10.96.0.10`; undefined for what is no reverse name of an IPv4 address. */
const addressOfReverseName = (name: string): string | undefined => {
  if (!name.endsWith('.in-addr.arpa')) return undefined;
  const address = name.slice(0, -'.in-addr.arpa'.length).split('.').reverse().join('.');
  return isIpv4(address) ? address : undefined;
};
