import { type Flags, textFlag } from '../../cli/args/flags.ts';
import { BaseCommand } from '../../cli/base-command.ts';

const flags = { cluster: textFlag('Name of the cluster [that of the current context]') } as const satisfies Flags;

export default class NodeSsh extends BaseCommand<typeof flags> {
  static override summary = 'Open a shell on a node, or run a command there';
  static override usage = 'NODE [flags] [-- COMMAND...]';
  static override description = 'As root, by the way that the driver has to its machines. The exit code is that of the command.';
  static override examples = ['slipway node ssh demo-1', 'slipway node ssh demo-1 -- nft list ruleset'];
  static override flags = flags;
  // Ctrl-C is for what runs on the node.
  static override graceful = true;

  async run(): Promise<number> {
    const words = this.dashAt < 0 ? this.args.length : this.dashAt;
    this.expectArgs({ min: 1 }, 'name of a node');
    if (words !== 1) this.expectArgs({ max: 1 }, 'name of a node');
    const [{ nodeTerminal }, { chooseCluster }] = await Promise.all([
      import('../../provision/node-terminal.ts'),
      import('../../provision/state/choose-cluster.ts'),
    ]);
    return nodeTerminal({ cluster: await chooseCluster(this.flags.cluster), name: this.args[0] ?? '' }, this.args.slice(1));
  }
}
