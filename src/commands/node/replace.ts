import { booleanFlag, type Flags, textFlag } from '../../cli/args/flags.ts';
import { BaseCommand, OUTPUT_FLAG } from '../../cli/base-command.ts';
import { followJob } from '../../cli/progress/follow-job.ts';

const flags = {
  cluster: textFlag('Name of the cluster [that of the current context]'),
  host: textFlag('Host that becomes the node, ssh driver: user@address:port'),
  force: booleanFlag('The machine is lost: do not drain it, and do not mind that it cannot be reached'),
  yes: booleanFlag('Install what is missing on a host without asking, ssh driver', { char: 'y' }),
  output: OUTPUT_FLAG,
} as const satisfies Flags;

export default class NodeReplace extends BaseCommand<typeof flags> {
  static override summary = 'Put a new machine in the place of a node';
  static override usage = 'NODE [flags]';
  static override description =
    'The old machine is drained and removed, then a new one is made under the same name. A new host is looked at first: one that cannot be a node is refused while the old one still is. Interrupted, slipway up makes what is missing.';
  static override examples = ['slipway node replace demo-2', 'slipway node replace lab-2 --host root@192.0.2.14 --force'];
  static override flags = flags;
  static override graceful = true;

  async run(): Promise<void> {
    this.expectArgs({ min: 1, max: 1 }, 'name of a node');
    const [{ replaceNode }, { chooseCluster }] = await Promise.all([
      import('../../provision/jobs/replace-node.ts'),
      import('../../provision/state/choose-cluster.ts'),
    ]);
    const cluster = await chooseCluster(this.flags.cluster);
    const name = this.args[0] ?? '';
    const { force, host, yes } = this.flags;
    await followJob(replaceNode({ cluster, name }, { force, host, yes, signal: this.signal }), {
      io: this.io,
      json: this.flags.output === 'json',
    });
    if (this.flags.output !== 'json') this.io.out(`Node ${name} has a new machine\n`);
  }
}
