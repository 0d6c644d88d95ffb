import type { DiskKeeper, MachineId } from '../driver.ts';
import { requireFreeName, requireKnownName, requireOff } from '../snapshots.ts';
import type { VirtualBox, VirtualBoxMachine } from './virtualbox.ts';
import { existingMachine, isOff } from './virtualbox-machine.ts';

/** Snapshots are disks of their own beside a machine's, which VirtualBox keeps with it. */
export class VirtualBoxDisks implements DiskKeeper {
  readonly #box: VirtualBox;

  constructor(box: VirtualBox) {
    this.#box = box;
  }

  async snapshot(id: MachineId, name: string): Promise<void> {
    const found = await this.#requireOff(id, 'keep the disk of');
    requireFreeName(id, name, found.snapshots);
    await this.#box.takeSnapshot(found.name, name);
  }

  async restore(id: MachineId, name: string): Promise<void> {
    const found = await this.#requireOff(id, 'put back the disk of');
    requireKnownName(id, { name, tried: `put the disk of ${id.name} back to ${name}`, known: found.snapshots });
    await this.#box.restoreSnapshot(found.name, name);
  }

  async remove(id: MachineId, name: string): Promise<void> {
    const found = await this.#requireOff(id, 'delete a snapshot of');
    requireKnownName(id, { name, tried: `delete the snapshot ${name} of ${id.name}`, known: found.snapshots });
    await this.#box.deleteSnapshot(found.name, name);
  }

  async list(id: MachineId): Promise<string[]> {
    return (await existingMachine(this.#box, id, 'list the snapshots of')).snapshots;
  }

  async #requireOff(id: MachineId, action: string): Promise<VirtualBoxMachine> {
    const found = await existingMachine(this.#box, id, action);
    requireOff(id, { running: !isOff(found), action });
    return found;
  }
}
