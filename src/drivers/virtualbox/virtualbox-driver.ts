import { readFile, rm } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Turns } from '../../base/async/turns.ts';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { Host } from '../../hosts/host.ts';
import { seededHostKey } from '../../hosts/ssh/known-hosts.ts';
import { createSshHost } from '../../hosts/ssh/ssh-host.ts';
import type { SshTarget } from '../../hosts/ssh/ssh-target.ts';
import { seededTerminal } from '../../hosts/ssh/ssh-terminal.ts';
import { awaitSsh } from '../await-ssh.ts';
import type { Driver, DriverContext, DriverOptions, Finding, Machine, MachineId, MachineSpec, PlannedResource } from '../driver.ts';
import { imageCacheDir } from '../images/machine-image.ts';
import { planMachines } from '../plan-machines.ts';
import { freePorts } from './free-ports.ts';
import { createVBoxManage } from './vboxmanage.ts';
import type { VirtualBox, VirtualBoxNetwork } from './virtualbox.ts';
import { VirtualBoxDisks } from './virtualbox-disks.ts';
import { VirtualBoxFiles } from './virtualbox-files.ts';
import { virtualboxFindings } from './virtualbox-findings.ts';
import { existingMachine, isOff, isPaused, machineOf } from './virtualbox-machine.ts';
import {
  belongsTo,
  forwardsOf,
  freeAddress,
  freePrefix,
  groupOf,
  machineName,
  machineUuid,
  macOf,
  networkName,
  reachedPorts,
} from './virtualbox-plan.ts';
import { virtualboxSettings } from './virtualbox-settings.ts';

const DEFAULTS = { cpus: 2, memoryMiB: 2048, diskGiB: 20 };
const SHUTDOWN_MS = 60_000;

/**
 * Virtual machines of VirtualBox. All are on one NAT network of the cluster with addresses that stand in their seeds; this computer reaches
 * them through forwarded ports of its loopback. What has to be known of a machine is kept with it by VirtualBox.
 *
 *   absent --create--> running --stop--> poweroff --start--> running       a machine without its labels was never finished, and is made anew
 *      ^-----------------------destroy------------------------'                 one that somebody paused is resumed by start
 */
export const createVirtualBoxDriver = (options: DriverOptions, box: VirtualBox = createVBoxManage()): Driver =>
  new VirtualBoxDriver(options, box);

class VirtualBoxDriver implements Driver {
  readonly name = 'virtualbox';
  readonly disks: VirtualBoxDisks;
  readonly #box: VirtualBox;
  readonly #options: DriverOptions;
  readonly #files: VirtualBoxFiles;
  /** Networks, ports and disks are chosen by one call at a time; machines boot side by side. */
  readonly #alone = new Turns(1);

  constructor(options: DriverOptions, box: VirtualBox) {
    this.#options = options;
    this.#box = box;
    this.disks = new VirtualBoxDisks(box);
    this.#files = new VirtualBoxFiles(options.stateDir);
  }

  preflight(): Promise<Finding[]> {
    return virtualboxFindings(this.#box);
  }

  async plan(specs: readonly MachineSpec[]): Promise<PlannedResource[]> {
    const [first] = specs;
    if (!first) return [];
    const network = await this.#network(first.cluster);
    const detail = network?.cidr ?? virtualboxSettings(first.settings).subnet ?? 'a free range';
    return [
      { kind: 'network', name: networkName(first.cluster), state: network ? 'present' : 'absent', detail },
      ...(await planMachines(this, specs.map(withDefaults))),
    ];
  }

  async create(given: MachineSpec, context: DriverContext): Promise<Machine> {
    const spec = withDefaults(given);
    await this.#alone.run(() => this.#define(spec, context));
    return this.#boot(spec, context);
  }

  async describe(id: MachineId): Promise<Machine | undefined> {
    const found = await this.#box.machine(machineName(id));
    const network = found && (await this.#network(id.cluster));
    return found && machineOf(found, network);
  }

  async list(cluster: string): Promise<Machine[]> {
    const [machines, network] = await Promise.all([this.#box.machines(groupOf(cluster)), this.#network(cluster)]);
    return machines.map((found) => machineOf(found, network)).filter((machine) => machine !== undefined);
  }

  async start(id: MachineId, context: DriverContext): Promise<Machine> {
    await existingMachine(this.#box, id, 'start');
    return this.#boot(id, context);
  }

  async stop(id: MachineId, { powerOff }: { powerOff: boolean }): Promise<void> {
    const name = machineName(id);
    const isDown = async (): Promise<boolean> => {
      const found = await this.#box.machine(name);
      return !found || isOff(found);
    };
    if (await isDown()) return;
    if (!powerOff) {
      await this.#box.pressPowerButton(name);
      for (const deadline = Date.now() + SHUTDOWN_MS; Date.now() < deadline; await delay(500)) if (await isDown()) return;
    }
    await this.#box.powerOff(name);
  }

  async destroy(id: MachineId): Promise<void> {
    const name = machineName(id);
    await this.stop(id, { powerOff: true });
    await this.#alone.run(async () => {
      const rules = (await this.#network(id.cluster))?.forwards.filter((rule) => belongsTo(rule, id)) ?? [];
      for (const rule of rules) await this.#box.removeForward(networkName(id.cluster), rule.name);
      await this.#box.removeMachine(name);
      for (const disk of [this.#files.disk(id), this.#files.seed(id)]) await this.#box.removeDisk(disk);
      await rm(this.#files.folder(id), { recursive: true, force: true });
      await rm(`${this.#files.machines}${groupOf(id.cluster)}/${name}`, { recursive: true, force: true });
    });
    await this.#options.journal.forget({ driver: 'virtualbox', kind: 'machine', name: id.name });
  }

  async destroyShared(cluster: string): Promise<void> {
    if ((await this.#box.machines(groupOf(cluster))).length) return;
    await this.#box.removeNetwork(networkName(cluster));
    const { journal } = this.#options;
    await journal.forget({ driver: 'virtualbox', kind: 'network', name: networkName(cluster) });
    // VirtualBox may list one whose file is gone.
    const noted = (await journal.entries())
      .filter(({ driver, kind }) => driver === 'virtualbox' && kind === 'disk')
      .map(({ name }) => name);
    for (const name of new Set([...(await this.#files.bases()), ...noted])) {
      await this.#box.removeDisk(join(this.#files.root, name));
      await journal.forget({ driver: 'virtualbox', kind: 'disk', name });
    }
    await rm(this.#files.root, { recursive: true, force: true });
  }

  async connect(machine: Machine): Promise<Host> {
    const { target, hostKey } = await this.#way(machine);
    const knownHosts = seededHostKey(hostKey);
    return createSshHost({ name: `${machine.name} (${machine.address})`, target, identityFile: this.#files.identity, knownHosts });
  }

  async terminal(machine: Machine, command: readonly string[]): Promise<readonly string[]> {
    const { target, hostKey } = await this.#way(machine);
    const file = join(this.#options.stateDir, 'terminals', machine.name);
    return seededTerminal({ target, identityFile: this.#files.identity, hostKeys: [hostKey], file }, command);
  }

  /** The key is in the machine's seed: the first login is verified like every other. */
  async #way(machine: Machine): Promise<{ target: SshTarget; hostKey: string }> {
    const found = await this.#box.machine(machineName(machine));
    const port = machine.forwardedPorts?.[22];
    if (!found || !port)
      throw new SlipwayError('NODE_UNKNOWN', { tried: `reach ${machine.name}`, cause: 'VirtualBox has no such machine' });
    const target = { host: '127.0.0.1', port, user: found.labels['user'] ?? virtualboxSettings({}).user };
    return { target, hostKey: (await this.#files.hostKey(machine)).publicKey };
  }

  async #network(cluster: string): Promise<VirtualBoxNetwork | undefined> {
    return (await this.#box.networks()).find((network) => network.name === networkName(cluster));
  }

  /** Everything of the machine but its start. What an attempt before left half-done is taken away first. */
  async #define(spec: SizedSpec, context: DriverContext): Promise<void> {
    const name = machineName(spec);
    const known = await this.#box.machine(name);
    if (known?.labels['address']) return;
    const { journal } = this.#options;
    await this.#box.removeMachine(name);
    for (const disk of [this.#files.disk(spec), this.#files.seed(spec)]) await this.#box.removeDisk(disk);
    await rm(`${this.#files.machines}${groupOf(spec.cluster)}/${name}`, { recursive: true, force: true });
    const { image, imageSha256: sha256, user, subnet } = virtualboxSettings(spec.settings);
    if (!image)
      throw new SlipwayError('CONFIG_INVALID', {
        tried: `make the machine ${spec.name}`,
        cause: 'no image is given for it',
        advice: ['spec.drivers.virtualbox.image: /path/to/debian-12-generic-amd64.raw   # in the cluster file'],
      });
    const prefix = await this.#ensureNetwork(spec.cluster, subnet);
    const address = freeAddress(prefix, await this.#box.machines(groupOf(spec.cluster)));
    const mac = macOf(address);
    // With its own disk and seed, which go with it.
    await journal.record({ kind: 'machine', name: spec.name, driver: this.name, id: machineUuid(spec) });
    context.progress(`making the disk of ${spec.name}`);
    const fetch = { cacheDir: imageCacheDir(), signal: context.signal, progress: context.progress };
    const parent = await this.#files.base(this.#box, {
      image,
      sha256,
      sizeGiB: spec.diskGiB,
      fetch,
      announce: (disk) => this.#announceDisk(disk),
    });
    await this.#files.writeSeed(spec, { user, mac, address, gateway: `${prefix}.1` });
    await rm(this.#files.disk(spec), { force: true });
    await this.#box.createLinkedDisk({ path: this.#files.disk(spec), parent });
    const taken = (await this.#box.networks()).flatMap((network) => network.forwards.map((rule) => rule.hostPort));
    const hostPorts = await freePorts(reachedPorts(spec).length, new Set(taken));
    for (const rule of forwardsOf(spec, { address, hostPorts })) await this.#box.forward(networkName(spec.cluster), rule);
    await this.#box.createMachine({
      name,
      uuid: machineUuid(spec),
      group: groupOf(spec.cluster),
      folder: this.#files.machines,
      cpus: spec.cpus,
      memoryMiB: spec.memoryMiB,
      mac,
      network: networkName(spec.cluster),
      disks: [
        { path: this.#files.disk(spec), readOnly: false },
        { path: this.#files.seed(spec), readOnly: true },
      ],
      consoleFile: `${this.#files.folder(spec)}/console.log`,
      labels: { cluster: spec.cluster, node: spec.name, address, user },
    });
  }

  #announceDisk(name: string): Promise<void> {
    return this.#options.journal.record({ kind: 'disk', name, driver: this.name });
  }

  async #ensureNetwork(cluster: string, wanted: string | undefined): Promise<string> {
    const known = await this.#network(cluster);
    if (known) return prefixOf(known.cidr);
    const addresses = Object.values(networkInterfaces()).flatMap((found) => (found ?? []).map(({ address }) => address));
    const prefix = freePrefix(wanted, { networks: await this.#box.networks(), addresses });
    const name = networkName(cluster);
    await this.#options.journal.record({ kind: 'network', name, driver: this.name });
    await this.#box.createNetwork({ name, cidr: `${prefix}.0/24` });
    return prefix;
  }

  async #boot(id: MachineId | SizedSpec, context: DriverContext): Promise<Machine> {
    const name = machineName(id);
    const found = await this.#box.machine(name);
    if (found && isPaused(found)) {
      context.progress(`${id.name} goes on`);
      await this.#box.resume(name);
    } else if (!found || isOff(found)) {
      context.signal.throwIfAborted();
      context.progress(`${id.name} boots`);
      await this.#box.start(name);
    }
    const machine = await this.describe(id);
    if (!machine) throw new SlipwayError('STEP_FAILED', { tried: `start ${id.name}`, cause: 'VirtualBox lost it' });
    const { bootTimeoutSeconds } = virtualboxSettings({ ...this.#options.settings, ...('settings' in id ? id.settings : {}) });
    const consoleFile = `${this.#files.folder(id)}/console.log`;
    const host = await awaitSsh({
      name: `${machine.name} (${machine.address})`,
      target: { host: '127.0.0.1', port: machine.forwardedPorts?.[22] ?? 22 },
      open: () => this.connect(machine),
      timeoutMs: bootTimeoutSeconds * 1000,
      signal: context.signal,
      consoleLines: async () => (await readFile(consoleFile, 'latin1').catch(() => '')).split('\n').slice(-15),
      advice: [`tail ${consoleFile}`, 'spec.drivers.virtualbox.bootTimeoutSeconds: 600   # in the cluster file'],
    });
    await host.close();
    context.progress(`${id.name} is up at ${machine.address}`);
    return machine;
  }
}

type SizedSpec = MachineSpec & { cpus: number; memoryMiB: number; diskGiB: number };

const withDefaults = (spec: MachineSpec): SizedSpec => ({
  ...spec,
  cpus: spec.cpus ?? DEFAULTS.cpus,
  memoryMiB: spec.memoryMiB ?? DEFAULTS.memoryMiB,
  diskGiB: spec.diskGiB ?? DEFAULTS.diskGiB,
});

const prefixOf = (cidr: string): string => cidr.replace(/\.\d+\/\d+$/, '');
