import { type Flags, textFlag } from '../../cli/args/flags.ts';
import { BaseCommand, OUTPUT_FLAG } from '../../cli/base-command.ts';
import { followJob } from '../../cli/progress/follow-job.ts';

const flags = {
  cluster: textFlag('Name of the cluster [that of the current context]'),
  output: OUTPUT_FLAG,
} as const satisfies Flags;

export default class NodeStart extends BaseCommand<typeof flags> {
  static override summary = 'Start a node that is off';
  static override usage = 'NODE [flags]';
  static override examples = ['slipway node start demo-2'];
  static override flags = flags;
  static override graceful = true;

  async run(): Promise<void> {
    this.expectArgs({ min: 1, max: 1 }, 'name of a node');
    const [{ changePower }, { chooseCluster }] = await Promise.all([
      import('../../provision/node-power.ts'),
      import('../../provision/state/choose-cluster.ts'),
    ]);
    const cluster = await chooseCluster(this.flags.cluster);
    const name = this.args[0] ?? '';
    const json = this.flags.output === 'json';
    await followJob(changePower({ cluster, name }, 'start', { signal: this.signal }), { io: this.io, json });
    if (!json) this.io.out(`Node ${name} is started\n`);
  }
}
