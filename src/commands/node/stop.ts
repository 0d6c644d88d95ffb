import { type Flags, textFlag } from '../../cli/args/flags.ts';
import { BaseCommand } from '../../cli/base-command.ts';

const flags = { cluster: textFlag('Name of the cluster [that of the current context]') } as const satisfies Flags;

export default class NodeStop extends BaseCommand<typeof flags> {
  static override summary = 'Stop a node in order; its data stays';
  static override usage = 'NODE [flags]';
  static override examples = ['slipway node stop demo-2'];
  static override flags = flags;
  static override graceful = true;

  async run(): Promise<void> {
    this.expectArgs({ min: 1, max: 1 }, 'name of a node');
    const [{ stopNode }, { chooseCluster }] = await Promise.all([
      import('../../provision/jobs/power.ts'),
      import('../../provision/state/choose-cluster.ts'),
    ]);
    const cluster = await chooseCluster(this.flags.cluster);
    const name = this.args[0] ?? '';
    await stopNode({ cluster, name });
    this.io.out(`Node ${name} is stopped; slipway node start ${name} brings it back\n`);
  }
}
