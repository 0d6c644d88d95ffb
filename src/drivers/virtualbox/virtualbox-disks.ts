import type { DiskKeeper, MachineId } from '../driver.ts';
import { requireFreeName, requireKnownName, requireOff } from '../snapshots.ts';
import type { VirtualBox } from './virtualbox.ts';
import { existingMachine, isOff } from './virtualbox-machine.ts';

/** Snapshots are disks of their own beside a machine's, which VirtualBox keeps with it. */
export class VirtualBoxDisks implements DiskKeeper {
  readonly #box: VirtualBox;

  constructor(box: VirtualBox) {
    this.#box = box;
  }

  async snapshot(id: MachineId, name: string): Promise<void> {
    const found = await existingMachine(this.#box, id, 'keep the disk of');
    requireOff(id, { running: !isOff(found), verb: 'keep' });
    requireFreeName(id, name, found.snapshots);
    await this.#box.takeSnapshot(found.name, name);
  }

  async restore(id: MachineId, name: string): Promise<void> {
    const found = await existingMachine(this.#box, id, 'put back the disk of');
    requireOff(id, { running: !isOff(found), verb: 'put back' });
    requireKnownName(id, name, found.snapshots);
    await this.#box.restoreSnapshot(found.name, name);
  }

  async list(id: MachineId): Promise<string[]> {
    return (await existingMachine(this.#box, id, 'list the snapshots of')).snapshots;
  }
}
