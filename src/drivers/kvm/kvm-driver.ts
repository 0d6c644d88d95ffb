import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { Host } from '../../hosts/host.ts';
import { seededHostKey } from '../../hosts/ssh/known-hosts.ts';
import { keepSshKey, type SshKeyPair } from '../../hosts/ssh/make-ssh-key.ts';
import { createSshHost } from '../../hosts/ssh/ssh-host.ts';
import { seededTerminal } from '../../hosts/ssh/ssh-terminal.ts';
import { awaitSsh } from '../await-ssh.ts';
import type { Driver, DriverContext, DriverOptions, Finding, Machine, MachineId, MachineSpec, PlannedResource } from '../driver.ts';
import { imageCacheDir } from '../images/machine-image.ts';
import { KvmDisks } from './kvm-disks.ts';
import { type Domain, domainName, knownDomain, listDomains, machineOf, ownerOf, readDomain } from './kvm-domain.ts';
import { kvmFindings } from './kvm-findings.ts';
import { KvmMaker } from './kvm-maker.ts';
import { findNetwork, releaseAddress, removeNetwork, startNetwork } from './kvm-network.ts';
import { planKvm } from './kvm-plan.ts';
import { routeThrough } from './kvm-routes.ts';
import { DEFAULT_POOL, type KvmSettings, kvmSettings } from './kvm-settings.ts';
import { KvmStorage, volumePrefix } from './kvm-storage.ts';
import { Virsh } from './virsh.ts';

const STOP_POLL_MS = 500;
const CONSOLE_LINES = 15;

/**
 * Virtual machines of libvirt: a network a cluster, an overlay on a cloud image and a cloud-init seed a machine.
 *
 *   absent --create--> running --stop--> stopped --start--> running        `stop --power-off` cuts the power
 *      ^-----------------------destroy------------------------'
 *
 * libvirt is the only record: a machine's metadata say whose it is, its address and its host key.
 */
export const createKvmDriver = (options: DriverOptions): Driver => new KvmDriver(options);

class KvmDriver implements Driver {
  readonly name = 'kvm';
  readonly disks: KvmDisks;
  readonly #options: DriverOptions;
  readonly #settings: KvmSettings;
  readonly #virsh: Virsh;
  readonly #maker: KvmMaker;
  #key: Promise<SshKeyPair> | undefined;

  constructor(options: DriverOptions) {
    this.#options = options;
    this.#settings = kvmSettings(options.settings ?? {});
    this.#virsh = new Virsh({ uri: this.#settings.uri, scratchIn: options.stateDir });
    this.disks = new KvmDisks(this.#virsh);
    this.#maker = new KvmMaker({
      virsh: this.#virsh,
      journal: options.journal,
      clientKey: (cluster) => this.#clientKey(cluster),
      cacheDir: imageCacheDir(),
    });
  }

  preflight(): Promise<Finding[]> {
    return kvmFindings(this.#virsh, this.#settings);
  }

  plan(specs: readonly MachineSpec[]): Promise<PlannedResource[]> {
    return planKvm(this.#virsh, this, specs);
  }

  async create(spec: MachineSpec, context: DriverContext): Promise<Machine> {
    const there = await readDomain(this.#virsh, spec);
    if (!there) await this.#maker.make(spec, context);
    return this.#boot(spec, context, kvmSettings(spec.settings));
  }

  async describe(id: MachineId): Promise<Machine | undefined> {
    const domain = await readDomain(this.#virsh, id);
    return domain && machineOf(domain);
  }

  async list(cluster: string): Promise<Machine[]> {
    return (await listDomains(this.#virsh, cluster)).map(machineOf);
  }

  start(id: MachineId, context: DriverContext): Promise<Machine> {
    return this.#boot(id, context, this.#settingsOf(id));
  }

  async stop(id: MachineId, { powerOff }: { powerOff: boolean }): Promise<void> {
    const domain = await readDomain(this.#virsh, id);
    if (!domain) return;
    const name = domainName(id);
    const tried = `stop the machine ${id.name}`;
    // Else it would come back with the host.
    await this.#virsh.run(['autostart', name, '--disable'], { tried });
    if (!domain.running) return;
    if (!powerOff && (await this.#shutDown(id))) return;
    await this.#virsh.find(['destroy', name], { tried }).catch(ignoreWhenStopped);
  }

  async destroy(id: MachineId): Promise<void> {
    const name = domainName(id);
    const tried = `remove the machine ${id.name}`;
    const domain = await readDomain(this.#virsh, id);
    if (domain) {
      if (domain.running) await this.#virsh.find(['destroy', name], { tried }).catch(ignoreWhenStopped);
      await this.#virsh.find(['undefine', name, '--snapshots-metadata', '--nvram'], { tried });
    }
    await this.#removeVolumes(domain?.mark.pool ?? this.#settings.pool, `${volumePrefix(id.cluster)}${id.name}.`);
    await this.#maker.alone.run(async () => {
      const network = await findNetwork(this.#virsh, id.cluster);
      if (!network) return;
      const address = domain?.mark.address ?? network.hosts.find((host) => host.name === id.name)?.address;
      if (address) await routeThrough(this.#virsh, network, { address, ranges: [] });
      await releaseAddress(this.#virsh, network, id);
    });
    await this.#options.journal.forget({ driver: 'kvm', kind: 'machine', name: id.name });
  }

  async destroyShared(cluster: string): Promise<void> {
    if ((await this.list(cluster)).length) return;
    await removeNetwork(this.#virsh, cluster);
    const { journal } = this.#options;
    // Those of the journal too: nothing else knows of a pool of the cluster's own where its file was lost.
    const noted = (await journal.entries()).filter(({ driver, kind }) => driver === 'kvm' && kind === 'pool').map(({ name }) => name);
    for (const name of new Set([this.#settings.pool, ...noted])) {
      await this.#removeVolumes(name, volumePrefix(cluster));
      // Another pool is its user's own.
      if (name === DEFAULT_POOL) await new KvmStorage(this.#virsh, name).pool.removeIfEmpty();
      await journal.forget({ driver: 'kvm', kind: 'pool', name });
    }
    await journal.forget({ driver: 'kvm', kind: 'network', name: cluster });
  }

  /** All whose names begin so, whether they stand in the journal or not. */
  async #removeVolumes(pool: string, prefix: string): Promise<void> {
    const { journal } = this.#options;
    await new KvmStorage(this.#virsh, pool).removeAll(prefix);
    for (const { driver, kind, name, details } of await journal.entries())
      if (driver === 'kvm' && kind === 'volume' && details?.['pool'] === pool && name.startsWith(prefix))
        await journal.forget({ driver: 'kvm', kind, name });
  }

  async connect(machine: Machine): Promise<Host> {
    const domain = await knownDomain(this.#virsh, machine, 'reach');
    if (!domain.running)
      throw new SlipwayError('HOST_UNREACHABLE', {
        tried: `reach ${machine.name} (${machine.address})`,
        cause: 'the machine is off',
        advice: [`slipway node start ${machine.name} --cluster ${machine.cluster}`],
      });
    return this.#open(domain);
  }

  async terminal(machine: Machine, command: readonly string[]): Promise<readonly string[]> {
    const { mark } = await knownDomain(this.#virsh, machine, 'reach');
    const file = join(this.#options.stateDir, 'terminals', machine.name);
    const target = { host: mark.address, port: 22, user: mark.user };
    return seededTerminal({ target, identityFile: this.#keyFile(), hostKeys: [mark.hostKey], file }, command);
  }

  async route(id: MachineId, ranges: readonly string[]): Promise<void> {
    const domain = await readDomain(this.#virsh, id);
    if (!domain) return;
    await this.#maker.alone.run(async () => {
      const network = await findNetwork(this.#virsh, id.cluster);
      if (network) await routeThrough(this.#virsh, network, { address: domain.mark.address, ranges });
    });
  }

  /** The pool is that of its disks, whatever is the default here. */
  async place(id: MachineId): Promise<Readonly<Record<string, string>>> {
    const domain = await readDomain(this.#virsh, id);
    return { uri: this.#virsh.uri, pool: domain?.mark.pool ?? this.#settings.pool };
  }

  /** Those of its pool; those of the cluster where nobody knows the node any more. */
  #settingsOf(id: MachineId): KvmSettings {
    const known = this.#options.settingsOf?.(id.name);
    return known ? kvmSettings(known) : this.#settings;
  }

  async #boot(id: MachineId, context: DriverContext, settings: KvmSettings): Promise<Machine> {
    const domain = await knownDomain(this.#virsh, id, 'start');
    const { emulated, mark } = domain;
    const { address, owner } = mark;
    await this.#requireOwn(id, owner);
    const name = domainName(id);
    const tried = `start the machine ${id.name}`;
    if (!domain.running) {
      await this.#maker.alone.run(async () => {
        const network = await findNetwork(this.#virsh, id.cluster);
        if (network) await startNetwork(this.#virsh, network);
      });
      context.progress(`${id.name} starts`);
      await this.#virsh.run(['start', name], { tried, signal: context.signal });
    }
    await this.#virsh.run(['autostart', name], { tried });
    const host = await awaitSsh({
      name: `${id.name} (${address})`,
      target: { host: address, port: 22 },
      open: () => this.#open(domain),
      timeoutMs: 1000 * (settings.bootTimeoutSeconds ?? (emulated ? 900 : 180)),
      signal: context.signal,
      consoleLines: () => this.#consoleLines(domain),
      advice: [
        `virsh -c ${this.#virsh.uri} domstate --reason ${name}`,
        `spec.drivers.kvm.${emulated ? 'bootTimeoutSeconds: 1800' : 'accel: tcg'}   # in the cluster file`,
      ],
    });
    await host.close();
    if (!domain.running) context.progress(`${id.name} is up at ${address}`);
    return machineOf({ ...domain, running: true });
  }

  /** Asks the guest's agent, and without one presses the power button. False when it runs on after the deadline. */
  async #shutDown(id: MachineId): Promise<boolean> {
    const name = domainName(id);
    if (!(await this.#virsh.succeeds(['shutdown', name, '--mode', 'agent'])))
      await this.#virsh.succeeds(['shutdown', name, '--mode', 'acpi']);
    const deadline = Date.now() + this.#settingsOf(id).stopTimeoutSeconds * 1000;
    while (Date.now() < deadline) {
      const domain = await readDomain(this.#virsh, id);
      if (!domain?.running) return true;
      await delay(STOP_POLL_MS);
    }
    return false;
  }

  #open({ mark }: Domain): Promise<Host> {
    return createSshHost({
      name: `${mark.node} (${mark.address})`,
      target: { host: mark.address, port: 22, user: mark.user },
      identityFile: this.#keyFile(),
      knownHosts: seededHostKey(mark.hostKey),
    });
  }

  async #requireOwn(id: MachineId, owner: string): Promise<void> {
    const { publicKey } = await this.#clientKey(id.cluster);
    if (ownerOf(publicKey) === owner) return;
    throw new SlipwayError('CLUSTER_EXISTS', {
      tried: `use the machine ${domainName(id)}`,
      cause: `another installation of Slipway made it (its key is ${owner}), or the keys of this one were lost`,
      advice: [`slipway down ${id.cluster} --force --driver kvm   # removes it with its data`, 'slipway up another-name'],
    });
  }

  async #consoleLines({ mark }: Domain): Promise<string[]> {
    const bytes = await new KvmStorage(this.#virsh, mark.pool).read(`${volumePrefix(mark.cluster)}${mark.node}.console`);
    const lines = (bytes?.toString('utf8') ?? '').replaceAll(TERMINAL_CODES, '').split(/\r?\n/);
    return lines.filter((line) => line.trim() !== '').slice(-CONSOLE_LINES);
  }

  /** Machines are made side by side, and the first of them makes the key. */
  #clientKey(cluster: string): Promise<SshKeyPair> {
    this.#key ??= keepSshKey(this.#keyFile(), `slipway ${cluster}`);
    return this.#key;
  }

  #keyFile(): string {
    return join(this.#options.stateDir, 'ssh', 'id_ed25519');
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: what a console writes begins with this character
const TERMINAL_CODES = /\u001b\[[0-9;?]*[A-Za-z]/g;

/** A machine that went off by itself in the meantime is as it should be. */
const ignoreWhenStopped = (error: unknown): undefined => {
  if (error instanceof SlipwayError && /domain is not running/.test(error.message)) return undefined;
  throw error;
};
