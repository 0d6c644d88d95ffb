import { booleanFlag, type Flags, textFlag } from '../../cli/args/flags.ts';
import { BaseCommand, OUTPUT_FLAG } from '../../cli/base-command.ts';
import { followJob } from '../../cli/progress/follow-job.ts';

const flags = {
  cluster: textFlag('Name of the cluster [that of the current context]'),
  force: booleanFlag('Do not drain it first, and do not mind that its machine cannot be reached'),
  output: OUTPUT_FLAG,
} as const satisfies Flags;

export default class NodeRemove extends BaseCommand<typeof flags> {
  static override summary = 'Drain a node, take it out of the cluster and remove its machine';
  static override usage = 'NODE [flags]';
  static override examples = ['slipway node remove demo-3'];
  static override flags = flags;
  static override graceful = true;

  async run(): Promise<void> {
    this.expectArgs({ min: 1, max: 1 }, 'name of a node');
    const [{ removeNode }, { chooseCluster }] = await Promise.all([
      import('../../provision/jobs/remove-node.ts'),
      import('../../provision/state/choose-cluster.ts'),
    ]);
    const cluster = await chooseCluster(this.flags.cluster);
    const name = this.args[0] ?? '';
    await followJob(removeNode({ cluster, name }, { force: this.flags.force, signal: this.signal }), {
      io: this.io,
      json: this.flags.output === 'json',
    });
    if (this.flags.output !== 'json') this.io.out(`Node ${name} is removed\n`);
  }
}
