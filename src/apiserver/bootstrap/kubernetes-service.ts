import { endpoints } from '../../api/core/endpoints.ts';
import { service } from '../../api/core/service.ts';
import { endpointSlice } from '../../api/discovery/endpoint-slice.ts';
import type { Kind } from '../../api/kind.ts';
import { type KubeObject, pathOf } from '../../api/meta/object.ts';
import { isConflict, isNotFound } from '../../api/meta/status.ts';
import { serviceCidr } from '../../api/networking/service-cidr.ts';
import type { Transport } from '../../api/transport.ts';
import type { Logger } from '../../base/log/logger.ts';
import { createIpRange } from '../registry/ip-range.ts';
import type { WatchCache } from '../watch/watch-cache.ts';

interface Options {
  readonly cache: WatchCache;
  readonly transport: Transport;
  readonly address: () => string;
  readonly port: () => number;
  readonly serviceCidr: string;
  readonly now: () => number;
  readonly log: Logger;
}

const NAMESPACE = 'default';
const NAME = 'kubernetes';
/** How often the address is put back, should someone have removed it; several servers thus keep all of theirs in the list. */
const AGAIN_MS = 30_000;

/**
 * The `kubernetes` Service at the first address of the range, with every living API server as its endpoints: each server adds its own
 * address at start and while it runs, and takes it out when it stops.
 */
export class KubernetesService {
  readonly #options: Options;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(options: Options) {
    this.#options = options;
  }

  async start(): Promise<void> {
    await this.#ensure();
    this.#timer = setInterval(() => {
      this.#running = this.#ensure().catch((error: unknown) => this.#options.log.warn('kubernetes service not kept up', { error }));
    }, AGAIN_MS);
    this.#timer.unref();
  }

  /** Takes out an address where this server was before, and sees to it that the one where it is now is listed. */
  async movedFrom(former: string): Promise<void> {
    await this.#writeEndpoints(true, former);
  }

  async stop(): Promise<void> {
    if (!this.#timer) return;
    clearInterval(this.#timer);
    await this.#running;
    await this.#writeEndpoints(false).catch((error: unknown) => this.#options.log.debug('kubernetes endpoint not removed', { error }));
  }

  async #ensure(): Promise<void> {
    const { cache, serviceCidr: range } = this.#options;
    const existing = await cache.resource(service).get({ namespace: NAMESPACE, name: NAME });
    const clusterIP = createIpRange(range).at(1);
    if (!existing) await this.#create(service, serviceObject(clusterIP, this.#options.port()));
    await this.#ensureRange();
    await this.#writeEndpoints(true);
  }

  /** The range that addresses of Services come from, for clients to read. */
  async #ensureRange(): Promise<void> {
    const { cache, transport, serviceCidr: range, now } = this.#options;
    const existing = await cache.resource(serviceCidr).get({ name: NAME });
    if (!existing) {
      const object = { kind: 'ServiceCIDR', apiVersion: 'networking.k8s.io/v1', metadata: { name: NAME }, spec: { cidrs: [range] } };
      await transport.send({ method: 'POST', path: pathOf(serviceCidr, {}), body: object }).catch(ignoreRace);
    }
    const status = existing?.object['status'] as { conditions?: { type: string }[] } | undefined;
    if (status?.conditions?.some(({ type }) => type === 'Ready')) return;
    const ready = {
      type: 'Ready',
      status: 'True',
      reason: '',
      message: 'Kubernetes default Service CIDR is ready',
      lastTransitionTime: new Date(now()).toISOString().replace(/\.\d+Z$/, 'Z'),
    };
    await transport
      .send({
        method: 'PATCH',
        path: `${pathOf(serviceCidr, { name: NAME })}/status`,
        contentType: 'application/merge-patch+json',
        body: { status: { conditions: [ready] } },
      })
      .catch(ignoreRace);
  }

  async #writeEndpoints(present: boolean, former?: string): Promise<void> {
    const { cache } = this.#options;
    const address = this.#options.address();
    // Nobody else reaches a loopback address, and endpoints may not have one.
    if (isLoopback(address)) return;
    const current = await cache.resource(endpointSlice).get({ namespace: NAMESPACE, name: NAME });
    const listed = ((current?.object['endpoints'] as { addresses: string[] }[] | undefined) ?? []).flatMap((one) => one.addresses);
    const addresses = [
      ...new Set(present ? [...listed.filter((one) => one !== former), address] : listed.filter((one) => one !== address)),
    ].sort();
    if (!current || addresses.join() !== [...listed].sort().join())
      await this.#put(endpointSlice, sliceObject(addresses, this.#options.port()), current !== undefined);
    const legacy = await cache.resource(endpoints).get({ namespace: NAMESPACE, name: NAME });
    const wanted = endpointsObject(addresses, this.#options.port());
    if (JSON.stringify(legacy?.object['subsets']) !== JSON.stringify(wanted['subsets']))
      await this.#put(endpoints, wanted, legacy !== undefined);
  }

  async #create(kind: Kind, object: KubeObject): Promise<void> {
    await this.#options.transport.send({ method: 'POST', path: pathOf(kind, { namespace: NAMESPACE }), body: object }).catch(ignoreRace);
  }

  async #put(kind: Kind, object: KubeObject, exists: boolean): Promise<void> {
    if (!exists) return this.#create(kind, object);
    await this.#options.transport
      .send({ method: 'PUT', path: pathOf(kind, { namespace: NAMESPACE, name: NAME }), body: object })
      .catch(ignoreRace);
  }
}

const isLoopback = (address: string): boolean => address.startsWith('127.') || address === '::1';

/** Another API server wrote first: the next round sees to the rest. */
const ignoreRace = (error: unknown): void => {
  const reason = (error as { reason?: string }).reason;
  if (!isConflict(error) && !isNotFound(error) && reason !== 'AlreadyExists') throw error;
};

const serviceObject = (clusterIP: string, port: number): KubeObject => ({
  kind: 'Service',
  apiVersion: 'v1',
  metadata: { name: NAME, namespace: NAMESPACE, labels: { component: 'apiserver', provider: 'kubernetes' } },
  spec: {
    type: 'ClusterIP',
    clusterIP,
    clusterIPs: [clusterIP],
    ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: port }],
    sessionAffinity: 'None',
  },
});

const sliceObject = (addresses: readonly string[], port: number): KubeObject => ({
  kind: 'EndpointSlice',
  apiVersion: 'discovery.k8s.io/v1',
  metadata: { name: NAME, namespace: NAMESPACE, labels: { 'kubernetes.io/service-name': NAME } },
  addressType: addresses[0]?.includes(':') ? 'IPv6' : 'IPv4',
  endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
  ports: [{ name: 'https', port, protocol: 'TCP' }],
});

const endpointsObject = (addresses: readonly string[], port: number): KubeObject => ({
  kind: 'Endpoints',
  apiVersion: 'v1',
  metadata: { name: NAME, namespace: NAMESPACE, labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
  subsets: addresses.length ? [{ addresses: addresses.map((ip) => ({ ip })), ports: [{ name: 'https', port, protocol: 'TCP' }] }] : [],
});
