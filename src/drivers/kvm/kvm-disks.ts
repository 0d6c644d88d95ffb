import type { DiskKeeper, MachineId } from '../driver.ts';
import { requireFreeName, requireKnownName, requireOff } from '../snapshots.ts';
import { domainName, knownDomain } from './kvm-domain.ts';
import type { Virsh } from './virsh.ts';

/** Snapshots inside a machine's own disk (qcow2): libvirt lists them with the machine, and they go with it. */
export class KvmDisks implements DiskKeeper {
  readonly #virsh: Virsh;

  constructor(virsh: Virsh) {
    this.#virsh = virsh;
  }

  async snapshot(id: MachineId, name: string): Promise<void> {
    await this.#requireOff(id, 'keep the disk of');
    requireFreeName(id, name, await this.#names(id));
    await this.#virsh.run(['snapshot-create-as', domainName(id), name, '--atomic'], { tried: `keep the disk of ${id.name} as ${name}` });
  }

  async restore(id: MachineId, name: string): Promise<void> {
    await this.#requireOff(id, 'put back the disk of');
    const tried = `put the disk of ${id.name} back to ${name}`;
    requireKnownName(id, { name, tried, known: await this.#names(id) });
    await this.#virsh.run(['snapshot-revert', domainName(id), name], { tried });
  }

  async remove(id: MachineId, name: string): Promise<void> {
    await this.#requireOff(id, 'delete a snapshot of');
    const tried = `delete the snapshot ${name} of ${id.name}`;
    requireKnownName(id, { name, tried, known: await this.#names(id) });
    await this.#virsh.run(['snapshot-delete', domainName(id), name], { tried });
  }

  async list(id: MachineId): Promise<string[]> {
    await knownDomain(this.#virsh, id, 'list the snapshots of');
    return this.#names(id);
  }

  async #requireOff(id: MachineId, action: string): Promise<void> {
    requireOff(id, { ...(await knownDomain(this.#virsh, id, action)), action });
  }

  async #names(id: MachineId): Promise<string[]> {
    const tried = `list the snapshots of ${id.name}`;
    return snapshotsIn(await this.#virsh.run(['snapshot-list', domainName(id), '--topological'], { tried }));
  }
}

/** ` before   2026-11-29 09:58:22 +0000   shutoff`, children after their parents: the time decides, and within a second that order. */
const snapshotsIn = (table: string): string[] =>
  [...table.matchAll(/^ *(\S+) +(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}) /gm)]
    .map(([, name = '', time = '']) => ({ name, time: Date.parse(time) }))
    .sort((a, b) => a.time - b.time)
    .map(({ name }) => name);
