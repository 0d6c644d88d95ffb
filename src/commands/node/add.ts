import { booleanFlag, type Flags, integerFlag, listFlag, textFlag } from '../../cli/args/flags.ts';
import { askSudoPassword } from '../../cli/ask.ts';
import { BaseCommand, OUTPUT_FLAG } from '../../cli/base-command.ts';
import { followJob } from '../../cli/progress/follow-job.ts';

const flags = {
  cluster: textFlag('Name of the cluster [that of the current context]'),
  count: integerFlag('How many', { default: 1 }),
  host: listFlag('Host for a node, ssh driver: user@address:port; once for each'),
  'identity-file': textFlag('Private key for the hosts, ssh driver [as for the other nodes]', { char: 'i' }),
  'jump-host': textFlag('Reach the hosts through this one, ssh driver [as for the other nodes]'),
  force: booleanFlag('Also take hosts that are nodes of another cluster, ssh driver'),
  'ask-sudo-password': booleanFlag('Ask for the password that sudo wants on the hosts, ssh driver'),
  bundle: textFlag('Fetch nothing: take packages, Node.js and images from this file of `slipway bundle create`'),
  output: OUTPUT_FLAG,
} as const satisfies Flags;

export default class NodeAdd extends BaseCommand<typeof flags> {
  static override summary = 'Add nodes to a cluster';
  static override examples = ['slipway node add', 'slipway node add --count 2 --cluster demo'];
  static override flags = flags;
  static override graceful = true;

  async run(): Promise<void> {
    this.expectArgs({ max: 0 });
    const [{ addNodes }, { chooseCluster }] = await Promise.all([
      import('../../provision/jobs/add-nodes.ts'),
      import('../../provision/state/choose-cluster.ts'),
    ]);
    const name = await chooseCluster(this.flags.cluster);
    const count = this.flags.host.length || this.flags.count;
    const sudoPassword = this.flags['ask-sudo-password'] ? await askSudoPassword(this.io) : undefined;
    const { force, host: hosts, 'identity-file': identityFile, 'jump-host': jumpHost } = this.flags;
    const job = addNodes(name, {
      count,
      hosts,
      identityFile,
      jumpHost,
      force,
      sudoPassword,
      bundle: this.flags.bundle,
      signal: this.signal,
    });
    const result = await followJob(job, { io: this.io, json: this.flags.output === 'json' });
    if (this.flags.output !== 'json')
      this.io.out(
        `Cluster ${name} has ${result.nodes.length} nodes now: ${result.nodes.map((node) => `${node.name} (${node.address})`).join(', ')}\n`,
      );
  }
}
