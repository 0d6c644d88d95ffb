import type { Stored } from '../../../api/meta/object.ts';
import { keyOf } from '../../../api/meta/object.ts';
import type { Service } from '../../../api/types/core-v1.ts';
import type { EndpointSlice } from '../../../api/types/discovery-v1.ts';
import type { Logger } from '../../../base/log/logger.ts';
import type { RunTool } from '../run-tool.ts';
import { affinityCommands, readAffinity } from './affinity-keeper.ts';
import { deleteFlows, type StaleFlow } from './conntrack.ts';
import { ElementTable } from './element-table.ts';
import { choose, type Target, targetsOf } from './endpoints.ts';
import { compileServicePort, EMPTY_PROGRAM, type Program } from './program.ts';
import { type ServicePortInfo, servicePortsOf } from './service-ports.ts';
import { type BaseSettings, baseCommands, type Change, changeCommands, TABLE } from './transaction.ts';

export interface ServiceProxyOptions {
  nodeName: string;
  settings: BaseSettings;
  run: RunTool;
  log: Logger;
  /** Told after every load which revision of the EndpointSlices is in force. */
  onProgrammed?: (revision: bigint) => void;
  /** Told what a load balancer's health check is to say of a Service. */
  onHealthCheck?: (service: string, check: { port: number; localEndpoints: number } | undefined) => void;
}

/** What is in force for one service port. */
interface Loaded {
  info: ServicePortInfo;
  program: Program;
  targets: readonly Target[];
}

const RETRY_MS = 1_000;

/**
 * Keeps the nftables table equal to the Services and EndpointSlices that it is told of. Changes collect while a transaction is
 * under way and go together in the next: one `nft` process at a time, each atomic, none larger than what changed.
 *
 *   waiting --begin()--> loading (whole table) --> idle <--> loading (what changed);  an error leads back to "whole table"
 */
export class ServiceProxy {
  readonly #options: ServiceProxyOptions;
  #settings: BaseSettings;
  readonly #services = new Map<string, Stored<Service>>();
  /** Slices by service, then by their own key. */
  readonly #slices = new Map<string, Map<string, EndpointSlice>>();
  readonly #loaded = new Map<string, Map<string, Loaded>>();
  readonly #elements = new ElementTable();
  readonly #dirty = new Set<string>();
  #baseDirty = false;
  #wholeTable = true;
  #begun = false;
  #hasLoaded = false;
  #stopped = false;
  #running: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #seenRevision = 0n;
  #programmedRevision = 0n;

  constructor(options: ServiceProxyOptions) {
    this.#options = options;
    this.#settings = options.settings;
  }

  /** Highest revision of an EndpointSlice whose effect is in force. */
  get programmedRevision(): bigint {
    return this.#programmedRevision;
  }

  /** Whether this process has laid its rules once. */
  get hasLoaded(): boolean {
    return this.#hasLoaded;
  }

  setService(key: string, service: Stored<Service> | undefined): void {
    if (service) this.#services.set(key, service);
    else this.#services.delete(key);
    this.#touch(key);
  }

  /** `revision` is the slice's own, or that of its deletion. */
  setSlice(slice: Stored<EndpointSlice>, options: { deleted: boolean }): void {
    const name = slice.metadata.labels?.['kubernetes.io/service-name'];
    this.observeRevision(slice.metadata.resourceVersion);
    if (name === undefined) {
      this.#touch();
      return;
    }
    const service = `${slice.metadata.namespace}/${name}`;
    const slices = this.#slices.get(service) ?? new Map<string, EndpointSlice>();
    if (options.deleted) slices.delete(keyOf(slice));
    else slices.set(keyOf(slice), slice);
    if (slices.size > 0) this.#slices.set(service, slices);
    else this.#slices.delete(service);
    this.#touch(service);
  }

  /** Slices up to this revision have been told (a list or a bookmark says so too). */
  observeRevision(revision: string | undefined): void {
    if (revision === undefined || !/^\d+$/.test(revision)) return;
    const value = BigInt(revision);
    if (value > this.#seenRevision) this.#seenRevision = value;
  }

  changeSettings(change: Partial<BaseSettings>): void {
    this.#settings = { ...this.#settings, ...change };
    this.#baseDirty = true;
    this.#touch();
  }

  /** Everything that exists has been told: loads the whole table in one transaction, in place of what an earlier agent left. */
  async begin(): Promise<void> {
    this.#begun = true;
    this.#touch();
    await this.#running;
  }

  /** Loads the whole table anew, for example when someone has flushed it. */
  reload(): void {
    this.#wholeTable = true;
    this.#touch();
  }

  /** Resolves when all that has been told so far is in force (or has failed and waits for its next attempt). */
  async settled(): Promise<void> {
    while (this.#running) await this.#running;
  }

  /** Ends after the transaction under way. The table stays. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#retry);
    await this.#running;
  }

  /** The addresses that new connections may be sent to on behalf of a service. */
  targetsOf(service: string): Target[] {
    return [...(this.#loaded.get(service)?.values() ?? [])].flatMap((loaded) => [...loaded.targets]);
  }

  #touch(service?: string): void {
    if (service !== undefined) this.#dirty.add(service);
    if (!this.#begun || this.#stopped || this.#running || this.#retry) return;
    this.#running = new Promise<void>((resolve) => setImmediate(resolve))
      .then(() => this.#load())
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        this.#running = undefined;
        if (this.#hasWork()) this.#touch();
      });
  }

  #hasWork(): boolean {
    return this.#dirty.size > 0 || this.#baseDirty || this.#wholeTable || this.#seenRevision > this.#programmedRevision;
  }

  #failed(error: unknown): void {
    this.#options.log.error('service rules could not be loaded, the whole table will be', { error });
    this.#wholeTable = true;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#touch();
    }, RETRY_MS);
  }

  async #load(): Promise<void> {
    const revision = this.#seenRevision;
    const services = [...this.#dirty];
    this.#dirty.clear();
    const stale: StaleFlow[] = [];
    const changes = services.flatMap((service) => this.#recompile(service, stale));
    const commands = this.#wholeTable ? await this.#wholeTableCommands() : this.#changeCommands(changes);
    this.#wholeTable = false;
    this.#baseDirty = false;
    if (commands.length > 0) await this.#options.run('nft', ['-f', '-'], `${commands.join('\n')}\n`);
    this.#programmedRevision = revision;
    this.#options.onProgrammed?.(revision);
    // At the start everything is new to this process, but not to the flows that an earlier one has set up.
    if (stale.length > 0 && this.#hasLoaded) await deleteFlows(stale, this.#options.run, this.#options.log);
    this.#hasLoaded = true;
  }

  #changeCommands(changes: readonly Change[]): string[] {
    return [...(this.#baseDirty ? baseCommands(this.#settings) : []), ...changeCommands(changes, this.#elements.takeChanges())];
  }

  async #wholeTableCommands(): Promise<string[]> {
    const affinity = await readAffinity(this.#options.run);
    const programs = [...this.#loaded.values()].flatMap((ports) => [...ports.values()].map((loaded) => loaded.program));
    return [
      `add table ${TABLE}`,
      `delete table ${TABLE}`,
      ...baseCommands(this.#settings),
      ...changeCommands(
        programs.map((after) => ({ before: EMPTY_PROGRAM, after })),
        this.#elements.takeAll(),
      ),
      ...affinityCommands(affinity, new Set(programs.flatMap((program) => [...program.affinitySets.keys()]))),
    ];
  }

  /** Brings `#loaded` of one service up to date and says what changed. */
  #recompile(serviceKey: string, stale: StaleFlow[]): Change[] {
    const changes: Change[] = [];
    const old = this.#loaded.get(serviceKey) ?? new Map<string, Loaded>();
    const current = new Map<string, Loaded>();
    const service = this.#services.get(serviceKey);
    const slices = [...(this.#slices.get(serviceKey)?.values() ?? [])];
    // The cluster's DNS address is answered by the node itself, whatever Service may describe it.
    const infos = service && service.spec?.clusterIP !== this.#settings.clusterDns ? servicePortsOf(service) : [];
    for (const info of infos) {
      const choice = choose(targetsOf(slices, info, this.#options.nodeName));
      const program = compileServicePort(info, choice, this.#settings.podCidr);
      current.set(info.key, { info, program, targets: [...choice.cluster, ...choice.local] });
    }
    this.#options.onHealthCheck?.(serviceKey, service && healthCheckOf(service, [...current.values()]));
    for (const key of new Set([...old.keys(), ...current.keys()])) {
      const before = old.get(key);
      const after = current.get(key);
      changes.push({ before: before?.program ?? EMPTY_PROGRAM, after: after?.program ?? EMPTY_PROGRAM });
      this.#elements.replace(key, before?.program.elements ?? [], after?.program.elements ?? []);
      stale.push(...staleFlows(before, after));
    }
    if (current.size > 0) this.#loaded.set(serviceKey, current);
    else this.#loaded.delete(serviceKey);
    return changes;
  }
}

const healthCheckOf = (service: Stored<Service>, loaded: readonly Loaded[]): { port: number; localEndpoints: number } | undefined => {
  const { healthCheckNodePort: port, externalTrafficPolicy, type } = service.spec ?? {};
  if (!port || type !== 'LoadBalancer' || externalTrafficPolicy !== 'Local') return undefined;
  const ready = loaded.flatMap(({ targets }) => targets.filter((target) => target.local && target.ready).map((target) => target.address));
  return { port, localEndpoints: new Set(ready).size };
};

const staleFlows = (before: Loaded | undefined, after: Loaded | undefined): StaleFlow[] => {
  if ((before ?? after)?.info.protocol !== 'UDP') return [];
  const kept = new Set(after?.targets.map((target) => `${target.address}:${target.port}`));
  const flows: StaleFlow[] = (before?.targets ?? [])
    .filter((target) => !kept.has(`${target.address}:${target.port}`))
    .map((target) => ({ kind: 'target', address: target.address, port: target.port }));
  if (after && after.targets.length > 0 && (before?.targets.length ?? 0) === 0) {
    const { info } = after;
    for (const address of [info.clusterIp, ...info.externalIps, ...info.loadBalancerIps])
      flows.push({ kind: 'address', address, port: info.port });
    if (info.nodePort !== undefined) flows.push({ kind: 'node-port', port: info.nodePort });
  }
  return flows;
};
