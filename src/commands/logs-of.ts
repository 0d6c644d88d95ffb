import { type Flags, integerFlag, textFlag } from '../cli/args/flags.ts';
import { BaseCommand } from '../cli/base-command.ts';

const flags = {
  cluster: textFlag('Name of the cluster [that of the current context]'),
  tail: integerFlag('How many of the newest lines', { default: 100 }),
} as const satisfies Flags;

export default class LogsOf extends BaseCommand<typeof flags> {
  static override summary = 'Show what a service of a node has logged';
  static override usage = 'NODE SERVICE [flags]';
  static override description =
    'Services are slipway-server, slipway-agent and slipway-containerd; without one, what there is on the node is listed.';
  static override examples = ['slipway logs-of demo-1 slipway-agent', 'slipway logs-of demo-1 slipway-server --tail 500'];
  static override flags = flags;

  async run(): Promise<void> {
    this.expectArgs({ min: 1, max: 2 }, 'name of a node');
    const [{ serviceLogs }, { chooseCluster }] = await Promise.all([
      import('../provision/service-logs.ts'),
      import('../provision/state/choose-cluster.ts'),
    ]);
    const [name = '', service] = this.args;
    const lines = await serviceLogs({ cluster: await chooseCluster(this.flags.cluster), name }, { service, count: this.flags.tail });
    this.io.out(lines.map((line) => `${line}\n`).join(''));
  }
}
