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
    requireOff(id, { ...(await knownDomain(this.#virsh, id, 'keep the disk of')), verb: 'keep' });
    requireFreeName(id, name, await this.#names(id));
    await this.#virsh.run(['snapshot-create-as', domainName(id), name, '--atomic'], { tried: `keep the disk of ${id.name} as ${name}` });
  }

  async restore(id: MachineId, name: string): Promise<void> {
    requireOff(id, { ...(await knownDomain(this.#virsh, id, 'put back the disk of')), verb: 'put back' });
    requireKnownName(id, name, await this.#names(id));
    await this.#virsh.run(['snapshot-revert', domainName(id), name], { tried: `put the disk of ${id.name} back to ${name}` });
  }

  async list(id: MachineId): Promise<string[]> {
    await knownDomain(this.#virsh, id, 'list the snapshots of');
    return this.#names(id);
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
