import { writeFile } from 'node:fs/promises';
import type { AgentConfig } from '../../api/config/agent-config.ts';
import { node } from '../../api/core/node.ts';
import { service } from '../../api/core/service.ts';
import { endpointSlice } from '../../api/discovery/endpoint-slice.ts';
import { keyOf, type Stored } from '../../api/meta/object.ts';
import { selectorFromMap } from '../../api/meta/selector.ts';
import type { Node, Pod, Service } from '../../api/types/core-v1.ts';
import type { EndpointSlice } from '../../api/types/discovery-v1.ts';
import type { Component } from '../../base/async/component.ts';
import type { Logger } from '../../base/log/logger.ts';
import type { InformerFactory } from '../../client/informer/informer-factory.ts';
import { ClusterZone } from './dns/cluster-zone.ts';
import { createResponder } from './dns/dns-responder.ts';
import { DnsServer } from './dns/dns-server.ts';
import { Upstream } from './dns/upstream.ts';
import { cniConfig, writeCniConfig } from './pods/cni-config.ts';
import { peerOf, VXLAN_OVERHEAD_BYTES } from './pods/pod-routes.ts';
import { RouteKeeper } from './pods/route-keeper.ts';
import { countConnections } from './proxy/conntrack.ts';
import { createAskPeer, PROXY_PORT, ProxyStatusServer, reachesPeer } from './proxy/drain-protocol.ts';
import { EndpointDrain } from './proxy/endpoint-drain.ts';
import { HealthChecks } from './proxy/health-checks.ts';
import { ServiceProxy } from './proxy/service-proxy.ts';
import { type RunTool, runTool } from './run-tool.ts';

/**
 * The network of one node: CNI configuration, routes to the pods of other nodes, the Service proxy and cluster DNS.
 * Everything it changes lies in the network namespace that the agent runs in. Stopping it leaves rules, routes and
 * configuration as they are, so that Services go on working while an agent restarts; a start finds and corrects them.
 */
export interface NodeNetwork extends Component {
  /**
   * Resolves when containerd can make pod sandboxes: the node has its `spec.podCIDR` and the CNI configuration is written.
   * Rejects when the signal aborts. Until then the node reports not ready (`cni plugin not initialized`).
   */
  ready(signal?: AbortSignal): Promise<void>;
  /** True once `ready()` has resolved: for the node's Ready condition. */
  isReady(): boolean;
  /**
   * To be called between a pod's deletion and its SIGTERM (after preStop or beside it): resolves when no live node's proxy
   * sends new connections to the pod, and those under way have ended or a second has passed. At most `boundMs` (default
   * 2,000) in all, of which a node that says nothing for two seconds costs no more; never rejects. `drained` is false when the bound or the signal ended the wait. Resolves at once for a pod
   * that is in no EndpointSlice, or that has no address.
   */
  awaitEndpointsDrained(pod: Stored<Pod>, options?: { signal?: AbortSignal; boundMs?: number }): Promise<{ drained: boolean }>;
}

export interface NodeNetworkOptions {
  /** Of nodes, services and endpointslices it asks for all. Its owner starts and stops it; `start` here waits for nothing of it. */
  informers: InformerFactory;
  config: Pick<
    AgentConfig,
    'nodeName' | 'nodeAddress' | 'cniConfDir' | 'clusterDns' | 'clusterDomain' | 'serviceCidr' | 'podCidr' | 'overlay' | 'upstreamDns'
  >;
  log: Logger;
  run?: RunTool;
  /** Milliseconds that only grow. */
  now?: () => number;
  random?: () => number;
}

/** How often the rules are looked at, in case someone else has flushed them. */
const CHECK_INTERVAL_MS = 30_000;

export const createNodeNetwork = (options: NodeNetworkOptions): NodeNetwork => new LiveNodeNetwork(options);

class LiveNodeNetwork implements NodeNetwork {
  readonly name = 'network';
  readonly #options: NodeNetworkOptions;
  readonly #log: Logger;
  readonly #run: RunTool;
  readonly #proxy: ServiceProxy;
  readonly #routes: RouteKeeper;
  readonly #zone: ClusterZone;
  readonly #dns: DnsServer;
  readonly #status: ProxyStatusServer;
  readonly #healthChecks: HealthChecks;
  readonly #drain: EndpointDrain;
  readonly #peers = createAskPeer();
  readonly #ready = Promise.withResolvers<void>();
  readonly #removeHandlers: (() => void)[] = [];
  /** Who waits for a revision of the slices to be in force here. */
  readonly #waiting = new Set<{ revision: bigint; wake: () => void }>();
  #podCidr: string | undefined;
  #isReady = false;
  #dnsReady = false;
  #check: NodeJS.Timeout | undefined;

  constructor(options: NodeNetworkOptions) {
    const { config, run = runTool, now = () => performance.now(), random = Math.random } = options;
    const log = options.log.child({ component: 'network' });
    this.#options = options;
    this.#log = log;
    this.#run = run;
    this.#proxy = new ServiceProxy({
      nodeName: config.nodeName,
      settings: { podCidr: config.podCidr, serviceCidr: config.serviceCidr, clusterDns: config.clusterDns, nodePodCidr: undefined },
      run,
      log,
      onProgrammed: (revision) => this.#programmed(revision),
      onHealthCheck: (service, check) => this.#healthChecks.set(service, check),
    });
    this.#routes = new RouteKeeper({ overlay: config.overlay, run, log });
    this.#zone = new ClusterZone(config.clusterDomain);
    const upstream = new Upstream({ servers: config.upstreamDns.filter((server) => server !== config.clusterDns), now });
    this.#dns = new DnsServer({
      address: config.clusterDns,
      respond: createResponder({
        zone: this.#zone,
        resolveUpstream: (name, type) => upstream.resolve(name, type),
        isReady: () => this.#dnsReady,
        random,
      }),
      log,
    });
    this.#healthChecks = new HealthChecks({ address: config.nodeAddress, log });
    this.#status = new ProxyStatusServer({ address: config.nodeAddress, log });
    this.#drain = new EndpointDrain({
      nodeName: config.nodeName,
      livePeers: () => this.#livePeers(),
      ask: this.#peers.ask,
      reaches: reachesPeer,
      programmed: (revision, signal) => this.#awaitProgrammed(revision, signal),
      countConnections: (address) => countConnections(address, run),
      isSelected: (pod) => this.#isSelected(pod),
      log,
    });
  }

  async start(): Promise<void> {
    await this.#enableForwarding();
    await this.#run('ip', ['address', 'replace', `${this.#options.config.clusterDns}/32`, 'dev', 'lo']);
    await this.#dns.start();
    await this.#status.start();
    this.#follow();
    this.#check = setInterval(() => void this.#repair(), CHECK_INTERVAL_MS);
    this.#check.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#check);
    for (const remove of this.#removeHandlers.splice(0)) remove();
    await Promise.all([this.#proxy.stop(), this.#routes.stop(), this.#dns.stop(), this.#status.stop()]);
    this.#healthChecks.stop();
    this.#peers.close();
  }

  isReady(): boolean {
    return this.#isReady;
  }

  async ready(signal?: AbortSignal): Promise<void> {
    if (!signal) return this.#ready.promise;
    signal.throwIfAborted();
    const aborted = Promise.withResolvers<never>();
    const abort = (): void => aborted.reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    try {
      await Promise.race([this.#ready.promise, aborted.promise]);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  awaitEndpointsDrained(pod: Stored<Pod>, options?: { signal?: AbortSignal; boundMs?: number }): Promise<{ drained: boolean }> {
    return this.#drain.awaitDrained(pod, options);
  }

  #follow(): void {
    const { informers } = this.#options;
    const nodes = informers.of<Node>(node);
    const services = informers.of<Service>(service);
    const slices = informers.of<EndpointSlice>(endpointSlice);
    this.#removeHandlers.push(
      nodes.addHandler({
        add: (object) => this.#onNode(object),
        update: (object) => this.#onNode(object),
        delete: (object) => this.#routes.setPeer(object.metadata.name ?? '', undefined),
      }),
      services.addHandler({
        add: (object) => this.#onService(object),
        update: (object) => this.#onService(object),
        delete: (object) => {
          this.#zone.setService(keyOf(object), undefined);
          this.#proxy.setService(keyOf(object), undefined);
        },
      }),
      slices.addHandler({
        add: (object) => this.#onSlice(object, undefined, false),
        update: (object, old) => this.#onSlice(object, old, false),
        delete: (object) => this.#onSlice(object, undefined, true),
      }),
    );
    // The nodes too: without this node's range the first table would let pods out with their own address.
    Promise.all([services.synced, slices.synced, nodes.synced])
      .then(() => {
        this.#dnsReady = true;
        return this.#proxy.begin();
      })
      .catch((error: unknown) => this.#log.error('the service proxy could not begin', { error }));
  }

  #onService(object: Stored<Service>): void {
    this.#zone.setService(keyOf(object), object);
    this.#proxy.setService(keyOf(object), object);
  }

  #onSlice(object: Stored<EndpointSlice>, old: Stored<EndpointSlice> | undefined, deleted: boolean): void {
    this.#drain.observe(object, { deleted, old });
    this.#zone.setSlice(object, { deleted });
    this.#proxy.setSlice(object, { deleted });
  }

  #onNode(object: Stored<Node>): void {
    const { config } = this.#options;
    const name = object.metadata.name ?? '';
    if (name !== config.nodeName) {
      this.#routes.setPeer(name, peerOf(object));
      return;
    }
    const podCidr = object.spec?.podCIDR;
    if (!podCidr || podCidr === this.#podCidr) return;
    this.#podCidr = podCidr;
    this.#routes.setOwn({ name, address: config.nodeAddress, podCidr });
    this.#proxy.changeSettings({ nodePodCidr: podCidr });
    this.#configureCni(podCidr).catch((error: unknown) => {
      this.#podCidr = undefined;
      this.#log.error('the CNI configuration could not be written', { directory: config.cniConfDir, error });
    });
  }

  async #configureCni(podCidr: string): Promise<void> {
    const { config } = this.#options;
    const mtu = config.overlay === 'vxlan' ? (await this.#nodeMtu()) - VXLAN_OVERHEAD_BYTES : undefined;
    await writeCniConfig(config.cniConfDir, cniConfig({ podCidr, mtu }));
    this.#isReady = true;
    this.#ready.resolve();
    this.#log.info('pod network is configured', { podCidr, overlay: config.overlay });
  }

  async #nodeMtu(): Promise<number> {
    const links = JSON.parse(await this.#run('ip', ['-j', 'address', 'show'])) as { mtu: number; addr_info?: { local?: string }[] }[];
    return links.find((link) => link.addr_info?.some((address) => address.local === this.#options.config.nodeAddress))?.mtu ?? 1_500;
  }

  async #enableForwarding(): Promise<void> {
    await writeFile('/proc/sys/net/ipv4/ip_forward', '1\n').catch((error: unknown) =>
      this.#log.warn('IP forwarding could not be switched on', { error }),
    );
  }

  #livePeers(): { address: string; port: number }[] {
    const nodes = this.#options.informers.of<Node>(node).list();
    return nodes
      .filter((candidate) => candidate.metadata.name !== this.#options.config.nodeName && isNodeReady(candidate))
      .flatMap((candidate) => {
        const address = candidate.status?.addresses?.find((item) => item.type === 'InternalIP')?.address;
        return address ? [{ address, port: PROXY_PORT }] : [];
      });
  }

  #isSelected(pod: Stored<Pod>): boolean {
    const { namespace, labels = {} } = pod.metadata;
    const services = this.#options.informers.of<Service>(service).list();
    return services.some(
      ({ metadata, spec }) =>
        metadata.namespace === namespace && isNotEmpty(spec?.selector) && selectorFromMap(spec?.selector).matches(labels),
    );
  }

  #programmed(revision: bigint): void {
    this.#status.reached(revision);
    for (const waiting of this.#waiting) if (waiting.revision <= revision) waiting.wake();
  }

  #awaitProgrammed(revision: bigint, signal: AbortSignal): Promise<void> {
    if (this.#proxy.programmedRevision >= revision) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const end = (finish: () => void) => (): void => {
        this.#waiting.delete(waiting);
        signal.removeEventListener('abort', abort);
        finish();
      };
      const abort = end(() => reject(signal.reason));
      const waiting = { revision, wake: end(resolve) };
      this.#waiting.add(waiting);
      signal.addEventListener('abort', abort, { once: true });
    });
  }

  /** Someone may have flushed the rules (a firewall that restarts): then the whole table is loaded again. */
  async #repair(): Promise<void> {
    if (!this.#proxy.hasLoaded) return;
    const intact = await this.#run('nft', ['list', 'chain', 'inet', 'slipway', 'dispatch']).then(
      (text) => text.includes('@services'),
      () => false,
    );
    if (intact) return;
    this.#log.warn('service rules have vanished and are loaded again');
    this.#proxy.reload();
  }
}

const isNotEmpty = (selector: Record<string, string> | undefined): boolean => Object.keys(selector ?? {}).length > 0;

const isNodeReady = (candidate: Stored<Node>): boolean =>
  candidate.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false;
