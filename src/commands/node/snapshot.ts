import { booleanFlag, type Flags, textFlag } from '../../cli/args/flags.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { UsageError } from '../../cli/errors.ts';

const flags = {
  cluster: textFlag('Name of the cluster [that of the current context]'),
  name: textFlag('Name of the snapshot [the time, 20261129-140501]'),
  delete: textFlag('Delete the snapshot of this name instead, and free its space; the disk stays as it is'),
  list: booleanFlag('Print the names of the snapshots that there are, the oldest first'),
} as const satisfies Flags;

export default class NodeSnapshot extends BaseCommand<typeof flags> {
  static override summary = 'Keep the disk of a node that is off, as it is now';
  static override usage = 'NODE [flags]';
  static override description =
    'For drivers that make virtual machines on this computer: kvm and virtualbox. The snapshot lies in, or beside, the disk of the machine and is gone with it; slipway node restore puts the disk back to it.';
  static override examples = [
    'slipway node stop demo-2',
    'slipway node snapshot demo-2 --name before-test',
    'slipway node snapshot demo-2 --list',
    'slipway node snapshot demo-2 --delete before-test',
  ];
  static override flags = flags;
  static override graceful = true;

  async run(): Promise<void> {
    this.expectArgs({ min: 1, max: 1 }, 'name of a node');
    const given = (['name', 'delete', 'list'] as const).filter((flag) => this.flags[flag]);
    if (given.length > 1) throw new UsageError(`only one of --${given.join(' and --')} can be given`);
    const [{ removeSnapshot, snapshotNameAt, snapshotNode, snapshotsOfNode }, { chooseCluster }] = await Promise.all([
      import('../../provision/jobs/snapshots.ts'),
      import('../../provision/state/choose-cluster.ts'),
    ]);
    const id = { cluster: await chooseCluster(this.flags.cluster), name: this.args[0] ?? '' };
    if (this.flags.list) {
      for (const snapshot of await snapshotsOfNode(id)) this.io.out(`${snapshot}\n`);
      return;
    }
    if (this.flags.delete) {
      await removeSnapshot(id, this.flags.delete);
      this.io.out(`The snapshot ${this.flags.delete} of ${id.name} is deleted; its disk stays as it is\n`);
      return;
    }
    const snapshot = this.flags.name ?? snapshotNameAt(new Date());
    await snapshotNode(id, snapshot);
    this.io.out(`The disk of ${id.name} is kept as ${snapshot}; slipway node restore ${id.name} --name ${snapshot} puts it back\n`);
  }
}
