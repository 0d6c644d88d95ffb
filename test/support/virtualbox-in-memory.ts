import { readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { SlipwayError } from '../../src/base/errors/slipway-error.ts';
import type { Driver } from '../../src/drivers/driver.ts';
import type {
  NewMachine,
  VirtualBox,
  VirtualBoxMachine,
  VirtualBoxNetwork,
  VirtualBoxVersion,
} from '../../src/drivers/virtualbox/virtualbox.ts';
import { bootCloudHost } from './cloud-host.ts';

/**
 * VirtualBox as a table in memory, above the seam that the real tool cannot be tested beyond without its kernel driver: a machine that is
 * started becomes a sandbox with the address, the keys and the sshd that its seed asks for, and forwarded ports are real.
 */
export class VirtualBoxInMemory implements VirtualBox {
  readonly #sandboxes: Driver;
  readonly #machines = new Map<string, NewMachine & { state: string; snapshots: string[] }>();
  readonly #networks = new Map<string, VirtualBoxNetwork>();
  readonly #listeners = new Map<string, Server>();

  constructor(sandboxes: Driver) {
    this.#sandboxes = sandboxes;
  }

  async close(): Promise<void> {
    for (const server of this.#listeners.values()) server.close();
  }

  async version(): Promise<VirtualBoxVersion> {
    return { version: '7.2.22', hasKernelDriver: true };
  }

  async machines(group: string): Promise<VirtualBoxMachine[]> {
    return [...this.#machines.values()].filter((machine) => machine.group === group).sort((a, b) => a.name.localeCompare(b.name));
  }

  async machine(name: string): Promise<VirtualBoxMachine | undefined> {
    const found = this.#machines.get(name);
    return (
      found && {
        name,
        state: found.state,
        cpus: found.cpus,
        memoryMiB: found.memoryMiB,
        labels: { ...found.labels },
        snapshots: found.snapshots,
      }
    );
  }

  async createMachine(machine: NewMachine): Promise<void> {
    if (this.#machines.has(machine.name)) throw failed(`${machine.name} already exists`);
    this.#machines.set(machine.name, { ...machine, state: 'poweroff', snapshots: [] });
  }

  async start(name: string): Promise<void> {
    const machine = this.#existing(name);
    const seed = (await readFile(machine.disks[1]?.path ?? '')).toString('latin1');
    const network = this.#networks.get(machine.network);
    const sandbox = await this.#sandboxes.create(
      { cluster: 'box', name, settings: { subnet: network?.cidr, address: machine.labels['address'] } },
      CONTEXT,
    );
    await bootCloudHost(this.#sandboxes, { machine: sandbox, userData: /#cloud-config[^\0]*/.exec(seed)?.[0] ?? '' });
    machine.state = 'running';
  }

  async resume(): Promise<void> {
    throw new Error('nobody pauses a machine here');
  }

  async pressPowerButton(name: string): Promise<void> {
    await this.powerOff(name);
  }

  async powerOff(name: string): Promise<void> {
    const machine = this.#machines.get(name);
    if (machine?.state !== 'running') return;
    await this.#sandboxes.stop({ cluster: 'box', name }, { powerOff: true });
    machine.state = 'poweroff';
  }

  async removeMachine(name: string): Promise<void> {
    if (!this.#machines.delete(name)) return;
    await this.#sandboxes.destroy({ cluster: 'box', name });
    if (!this.#machines.size) await this.#sandboxes.destroyShared('box');
  }

  async createNetwork({ name, cidr }: { name: string; cidr: string }): Promise<boolean> {
    if (this.#networks.has(name)) return false;
    this.#networks.set(name, { name, cidr, forwards: [] });
    return true;
  }

  async networks(): Promise<VirtualBoxNetwork[]> {
    return [...this.#networks.values()].map((network) => ({ ...network, forwards: [...network.forwards] }));
  }

  async removeNetwork(name: string): Promise<void> {
    for (const rule of this.#networks.get(name)?.forwards ?? []) await this.removeForward(name, rule.name);
    this.#networks.delete(name);
  }

  async forward(network: string, rule: VirtualBoxNetwork['forwards'][number]): Promise<void> {
    await this.removeForward(network, rule.name);
    const server = createServer((client) => {
      const machine = connect(rule.guestPort, rule.guestAddress);
      for (const [from, to] of [
        [client, machine],
        [machine, client],
      ] as const)
        from.on('error', () => to.destroy()).pipe(to);
    });
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(rule.hostPort, '127.0.0.1', resolve));
    this.#listeners.set(`${network} ${rule.name}`, server);
    this.#networks.get(network)?.forwards.push(rule);
  }

  async removeForward(network: string, name: string): Promise<void> {
    const found = this.#networks.get(network);
    if (found) found.forwards = found.forwards.filter((rule) => rule.name !== name);
    this.#listeners.get(`${network} ${name}`)?.close();
    this.#listeners.delete(`${network} ${name}`);
  }

  async importDisk({ from, to }: { from: string; to: string }): Promise<void> {
    await writeFile(to, await readFile(from));
  }

  async createLinkedDisk({ path, parent }: { path: string; parent: string }): Promise<void> {
    await readFile(parent);
    await writeFile(path, '');
  }

  async removeDisk(path: string): Promise<void> {
    await rm(path, { force: true });
  }

  async takeSnapshot(machine: string, name: string): Promise<void> {
    this.#existing(machine).snapshots.push(name);
  }

  async restoreSnapshot(machine: string): Promise<void> {
    this.#existing(machine);
  }

  async deleteSnapshot(machine: string, name: string): Promise<void> {
    const found = this.#existing(machine);
    found.snapshots = found.snapshots.filter((one) => one !== name);
  }

  #existing(name: string): NewMachine & { state: string; snapshots: string[] } {
    const found = this.#machines.get(name);
    if (!found) throw failed(`there is no machine ${name}`);
    return found;
  }
}

const CONTEXT = { signal: new AbortController().signal, progress: () => {} };

const failed = (cause: string): SlipwayError => new SlipwayError('COMMAND_FAILED', { tried: 'run `VBoxManage`', cause });
