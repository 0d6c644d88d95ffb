import { type Flags, textFlag } from '../../cli/args/flags.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { UsageError } from '../../cli/errors.ts';

const flags = {
  cluster: textFlag('Name of the cluster [that of the current context]'),
  name: textFlag('Name of the snapshot'),
} as const satisfies Flags;

export default class NodeRestore extends BaseCommand<typeof flags> {
  static override summary = 'Put the disk of a node that is off back to a snapshot';
  static override usage = 'NODE --name NAME [flags]';
  static override description =
    'What was written to the disk since is lost; the snapshot stays. Of a control plane, what the cluster has kept is put back with it.';
  static override examples = ['slipway node restore demo-2 --name before-test', 'slipway node start demo-2'];
  static override flags = flags;
  static override graceful = true;

  async run(): Promise<void> {
    this.expectArgs({ min: 1, max: 1 }, 'name of a node');
    const name = this.flags.name;
    if (!name) throw new UsageError('--name must say to which snapshot (slipway node snapshot NODE --list)');
    const [{ restoreNode }, { chooseCluster }] = await Promise.all([
      import('../../provision/jobs/snapshots.ts'),
      import('../../provision/state/choose-cluster.ts'),
    ]);
    const id = { cluster: await chooseCluster(this.flags.cluster), name: this.args[0] ?? '' };
    await restoreNode(id, name);
    this.io.out(`The disk of ${id.name} is back to ${name}; slipway node start ${id.name} starts it\n`);
  }
}
