import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Turns } from '../../base/async/turns.ts';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { Host } from '../../hosts/host.ts';
import { createLocalHost, enterSandbox } from '../../hosts/local/local-host.ts';
import { runProcess } from '../../hosts/local/run-process.ts';
import type { Driver, DriverContext, DriverOptions, Finding, Machine, MachineId, MachineSpec, PlannedResource } from '../driver.ts';
import { planMachines } from '../plan-machines.ts';
import { readSettings } from '../read-settings.ts';
import { removeControlGroup } from './control-groups.ts';
import { localFindings } from './local-findings.ts';
import { type ClusterNetwork, ensureBridge, linkName, releasePrefix, removeBridge, reservePrefix, routeThrough } from './local-network.ts';
import { LocalSandbox, type SandboxPlace } from './local-sandbox.ts';
import { localDriver } from './local-settings.ts';
import { type MachineRecord, readRecord, writeRecord } from './machine-record.ts';

/** The first node's last byte; .1 is this host, and a few are left for addresses of Services. */
const FIRST_ADDRESS = 11;
const LAST_ADDRESS = 199;

/**
 * Nodes as sandboxes on this host: namespaces of their own over the host's root, made by runc, runit as their first program.
 *
 *   absent --create--> running --stop--> stopped --start--> running        `kill -9` of the init is a power failure
 *      ^-----------------------destroy------------------------'
 *
 * What has to survive is in `dataDir/clusters/NAME`; what a power failure of the host may take is in /run.
 */
export const createLocalDriver = (options: DriverOptions): Driver => new LocalDriver(options);

class LocalDriver implements Driver {
  readonly name = 'local';
  readonly #options: DriverOptions;
  /** Two installations of Slipway with folders of their own share neither control groups nor names of links. */
  readonly #tag: string;
  /** Shared things are made by one call at a time; nodes themselves are made side by side. */
  readonly #alone = new Turns(1);

  constructor(options: DriverOptions) {
    this.#options = options;
    this.#tag =
      options.dataDir === '/var/lib/slipway'
        ? 'slipway'
        : `slipway-${createHash('sha256').update(options.dataDir).digest('hex').slice(0, 8)}`;
  }

  preflight(): Promise<Finding[]> {
    return localFindings(this.#options.requirements);
  }

  async plan(specs: readonly MachineSpec[]): Promise<PlannedResource[]> {
    const [first] = specs;
    if (!first) return [];
    const network = await this.#network(first.cluster);
    const detail = network ? `${network.prefix}.0/24` : ((first.settings['subnet'] as string | undefined) ?? 'a free range');
    return [{ kind: 'network', name: first.cluster, state: network ? 'present' : 'absent', detail }, ...(await planMachines(this, specs))];
  }

  async create(spec: MachineSpec, context: DriverContext): Promise<Machine> {
    requireRoot(`make the node ${spec.name}`);
    const record = await this.#alone.run(() => this.#register(spec));
    return this.#boot(spec, record, context);
  }

  async describe(id: MachineId): Promise<Machine | undefined> {
    const record = await readRecord<MachineRecord>(this.#file(id, 'machine.json'));
    return record && this.#machine(id, record, (await this.#sandbox(id).pid()) !== undefined);
  }

  async list(cluster: string): Promise<Machine[]> {
    const names = await readdir(join(this.#folder(cluster), 'nodes')).catch(() => []);
    const machines = await Promise.all(names.sort().map((name) => this.describe({ cluster, name })));
    return machines.filter((machine) => machine !== undefined);
  }

  async start(id: MachineId, context: DriverContext): Promise<Machine> {
    requireRoot(`start the node ${id.name}`);
    const record = await readRecord<MachineRecord>(this.#file(id, 'machine.json'));
    if (!record)
      throw new SlipwayError('NODE_UNKNOWN', { tried: `start the node ${id.name}`, cause: `${id.cluster} has none of that name` });
    return this.#boot(id, record, context);
  }

  async stop(id: MachineId, { powerOff }: { powerOff: boolean }): Promise<void> {
    requireRoot(`stop the node ${id.name}`);
    await this.#sandbox(id).stop({ powerOff });
  }

  async destroy(id: MachineId): Promise<void> {
    requireRoot(`remove the node ${id.name}`);
    const record = await readRecord<MachineRecord>(this.#file(id, 'machine.json'));
    await this.#sandbox(id).stop({ powerOff: true });
    const network = await this.#network(id.cluster);
    if (network && record?.routes?.length) await routeThrough(network, record.address, []);
    // `rm` walks a node's image layers in a process of its own.
    await runProcess(['rm', '-rf', join(this.#folder(id.cluster), 'nodes', id.name)], { where: 'this host' });
    await this.#options.journal.forget({ driver: 'local', kind: 'machine', name: id.name });
  }

  async destroyShared(cluster: string): Promise<void> {
    requireRoot(`remove the network of ${cluster}`);
    const folder = this.#folder(cluster);
    if ((await this.list(cluster)).length) return;
    const network = await this.#network(cluster);
    if (network) await removeBridge(network);
    // By its owner: an interrupted `create` may have reserved a range and written down nothing else.
    releasePrefix(this.#reservations(), cluster);
    await rm(folder, { recursive: true, force: true });
    await removeControlGroup(join('/', this.#tag, cluster), { patienceMs: 2000 });
    await this.#options.journal.forget({ driver: 'local', kind: 'network', name: cluster });
    const isUsed = async (): Promise<boolean> =>
      (await readdir(join(this.#options.dataDir, 'clusters')).catch((): string[] => [])).length > 0;
    if (!(await isUsed())) {
      await this.#sandbox({ cluster, name: '-' }).removeShared({ isUsed });
      await removeControlGroup(join('/', this.#tag), { patienceMs: 100 });
    }
  }

  async connect(machine: Machine): Promise<Host> {
    const sandbox = this.#sandbox(machine);
    const name = `${machine.name} (${machine.address})`;
    let pid = await sandbox.pid();
    const alive = (): number => {
      if (pid !== undefined && existsSync(`/proc/${pid}`)) return pid;
      pid = sandbox.pidNow();
      if (pid === undefined)
        throw new SlipwayError('HOST_UNREACHABLE', {
          tried: `reach ${name}`,
          cause: 'the node is off',
          advice: [`slipway node start ${machine.name} --cluster ${machine.cluster}`],
        });
      return pid;
    };
    return createLocalHost({
      name,
      enter: () => enterSandbox(alive()),
      outside: (path) => sandbox.outside(path) ?? join(`/proc/${alive()}/root`, path),
      services: 'runit',
    });
  }

  async terminal(machine: Machine, command: readonly string[]): Promise<readonly string[]> {
    const pid = await this.#sandbox(machine).pid();
    if (pid === undefined)
      throw new SlipwayError('HOST_UNREACHABLE', {
        tried: `reach ${machine.name}`,
        cause: 'the node is off',
        advice: [`slipway node start ${machine.name} --cluster ${machine.cluster}`],
      });
    return [...enterSandbox(pid), ...(command.length ? command : ['sh', '-l'])];
  }

  async route(id: MachineId, ranges: readonly string[]): Promise<void> {
    const record = await readRecord<MachineRecord>(this.#file(id, 'machine.json'));
    const network = await this.#network(id.cluster);
    if (!record || !network) return;
    await writeRecord(this.#file(id, 'machine.json'), { ...record, routes: [...ranges] });
    await routeThrough(network, record.address, ranges);
  }

  async #boot(id: MachineId, record: MachineRecord, context: DriverContext): Promise<Machine> {
    const sandbox = this.#sandbox(id);
    if ((await sandbox.pid()) === undefined) {
      const network = await this.#alone.run(() => this.#ensureNetwork(id.cluster, record));
      await this.#alone.run(() => sandbox.prepareShared());
      context.signal.throwIfAborted();
      context.progress(`${id.name} starts`);
      await sandbox.start({ network, record, signal: context.signal });
      if (record.routes?.length) await routeThrough(network, record.address, record.routes);
      context.progress(`${id.name} is up at ${record.address}`);
    }
    return this.#machine(id, record, true);
  }

  /** Gives a new node the lowest free address of its cluster and writes that down before anything is made. */
  async #register(spec: MachineSpec): Promise<MachineRecord> {
    const file = this.#file(spec, 'machine.json');
    const known = await readRecord<MachineRecord>(file);
    if (known) return known;
    const { subnet, address: wanted } = readSettings(localDriver, spec.settings) as { subnet?: string; address?: string };
    const { prefix } = await this.#reserveNetwork(spec.cluster, subnet?.replace(/\.0\/24$/, ''));
    const taken = new Set((await this.list(spec.cluster)).map((machine) => machine.address));
    for (let last = FIRST_ADDRESS; last <= LAST_ADDRESS; last++) {
      const address = `${prefix}.${last}`;
      if (taken.has(address) || (wanted !== undefined && address !== wanted)) continue;
      await this.#options.journal.record({ kind: 'machine', name: spec.name, driver: this.name, details: { address } });
      const record: MachineRecord = { address, cpus: spec.cpus, memoryMiB: spec.memoryMiB };
      await writeRecord(file, record);
      return record;
    }
    throw new SlipwayError('ADDRESS_IN_USE', {
      tried: wanted === undefined ? `find an address for the node ${spec.name}` : `give the node ${spec.name} the address ${wanted}`,
      cause:
        wanted !== undefined
          ? `it is taken, or not between ${prefix}.${FIRST_ADDRESS} and .${LAST_ADDRESS}`
          : `${prefix}.0/24 has ${LAST_ADDRESS - FIRST_ADDRESS + 1} addresses for nodes, and all are taken`,
    });
  }

  async #reserveNetwork(cluster: string, wanted: string | undefined): Promise<ClusterNetwork> {
    const known = await this.#network(cluster);
    if (known) return known;
    await this.#options.journal.record({ kind: 'network', name: cluster, driver: this.name });
    const prefix = await reservePrefix(this.#reservations(), cluster, wanted);
    const network: ClusterNetwork = { bridge: linkName('br', this.#options.dataDir, cluster), prefix };
    await writeRecord(join(this.#folder(cluster), 'network.json'), network);
    return network;
  }

  async #ensureNetwork(cluster: string, record: MachineRecord): Promise<ClusterNetwork> {
    const network = (await this.#network(cluster)) ?? {
      bridge: linkName('br', this.#options.dataDir, cluster),
      prefix: record.address.split('.').slice(0, 3).join('.'),
    };
    await ensureBridge(network, cluster);
    return network;
  }

  #network(cluster: string): Promise<ClusterNetwork | undefined> {
    return readRecord<ClusterNetwork>(join(this.#folder(cluster), 'network.json'));
  }

  #machine(id: MachineId, record: MachineRecord, running: boolean): Machine {
    return { cluster: id.cluster, name: id.name, state: running ? 'running' : 'stopped', address: record.address, sameNetwork: true };
  }

  #sandbox(id: MachineId): LocalSandbox {
    const place: SandboxPlace = {
      id,
      folder: join(this.#folder(id.cluster), 'nodes', id.name),
      runFolder: join('/run', this.#tag),
      controlGroup: join('/', this.#tag, id.cluster, id.name),
      link: linkName('if', this.#options.dataDir, id.cluster, id.name),
    };
    return new LocalSandbox(place);
  }

  #folder(cluster: string): string {
    return join(this.#options.dataDir, 'clusters', cluster);
  }

  #file(id: MachineId, name: string): string {
    return join(this.#folder(id.cluster), 'nodes', id.name, name);
  }

  #reservations(): string {
    return join(this.#options.dataDir, 'networks');
  }
}

const requireRoot = (tried: string): void => {
  if (process.geteuid?.() !== 0)
    throw new SlipwayError('NOT_ROOT', { tried, cause: 'namespaces and networks of this host can be made by root only' });
};
