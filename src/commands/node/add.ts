import { booleanFlag, type Flags, integerFlag, listFlag, textFlag } from '../../cli/args/flags.ts';
import { askSudoPassword } from '../../cli/ask.ts';
import { BaseCommand, OUTPUT_FLAG } from '../../cli/base-command.ts';
import { UsageError } from '../../cli/errors.ts';
import { followJob } from '../../cli/progress/follow-job.ts';

const flags = {
  cluster: textFlag('Name of the cluster [that of the current context]'),
  count: integerFlag('How many [one for each --host]', { default: 1 }),
  pool: textFlag('Pool whose nodes the new ones are like [the only one, else main, else the first; with --host one of hosts]'),
  host: listFlag('Host for a node, ssh driver: user@address:port; once for each'),
  'identity-file': textFlag('Private key for the hosts, ssh driver [as for the other nodes]', { char: 'i' }),
  'jump-host': textFlag('Reach the hosts through this one, ssh driver [as for the other nodes]'),
  yes: booleanFlag('Install what is missing without asking', { char: 'y' }),
  force: booleanFlag('Also take hosts that are nodes of another cluster, ssh driver'),
  'ask-sudo-password': booleanFlag('Ask for the password that sudo wants on the hosts, ssh driver'),
  bundle: textFlag('Fetch nothing: take packages, Node.js and images from this file of `slipway bundle create`'),
  output: OUTPUT_FLAG,
} as const satisfies Flags;

export default class NodeAdd extends BaseCommand<typeof flags> {
  static override summary = 'Add nodes to a cluster';
  static override description =
    'The new nodes have the size, the image, the labels, the taints and the driver of their pool. When it fails, they are taken back.';
  static override examples = [
    'slipway node add',
    'slipway node add --count 2 --pool workers --cluster demo',
    'slipway node add --host root@192.0.2.13 --yes',
  ];
  static override flags = flags;
  static override graceful = true;

  async run(): Promise<void> {
    this.expectArgs({ max: 0 });
    const [{ addNodes }, { chooseCluster }] = await Promise.all([
      import('../../provision/jobs/add-nodes.ts'),
      import('../../provision/state/choose-cluster.ts'),
    ]);
    const { host: hosts, 'identity-file': identityFile, 'jump-host': jumpHost, pool, force, yes, bundle } = this.flags;
    if (this.flags.count < 1) throw new UsageError(`--count is ${this.flags.count}: at least one node comes`);
    if (this.given.has('count') && hosts.length && hosts.length !== this.flags.count)
      throw new UsageError(`--count is ${this.flags.count}, and --host is given ${hosts.length} times: each new node is one of the hosts`);
    const name = await chooseCluster(this.flags.cluster);
    const sudoPassword = this.flags['ask-sudo-password'] ? await askSudoPassword(this.io) : undefined;
    const added = { count: hosts.length || this.flags.count, pool, hosts, identityFile, jumpHost };
    const job = addNodes(name, added, { yes, force, sudoPassword, bundle, signal: this.signal });
    const result = await followJob(job, { io: this.io, json: this.flags.output === 'json' });
    if (this.flags.output !== 'json')
      this.io.out(
        `Cluster ${name} has ${result.nodes.length} nodes now: ${result.nodes.map((node) => `${node.name} (${node.address})`).join(', ')}\n`,
      );
  }
}
