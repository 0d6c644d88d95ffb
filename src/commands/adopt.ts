import { type Flags, listFlag, textFlag } from '../cli/args/flags.ts';
import { BaseCommand, OUTPUT_FLAG } from '../cli/base-command.ts';
import { CLUSTER_FLAGS } from '../cli/cluster-flags.ts';
import { UsageError } from '../cli/errors.ts';
import { followJob } from '../cli/progress/follow-job.ts';
import { readWishes } from '../provision/file/read-wishes.ts';

const flags = {
  file: CLUSTER_FLAGS.file,
  driver: textFlag('Driver that knows the machines [local; ssh with --host]'),
  host: listFlag('Host that is a node, ssh driver: user@address:port; once for each'),
  'identity-file': CLUSTER_FLAGS['identity-file'],
  'jump-host': CLUSTER_FLAGS['jump-host'],
  output: OUTPUT_FLAG,
} as const satisfies Flags;

export default class Adopt extends BaseCommand<typeof flags> {
  static override summary = 'Take over a cluster whose state on this computer is lost';
  static override usage = '[NAME] [flags]';
  static override description =
    'Finds the machines by their driver, or by the hosts that are given, and reads from them what the cluster is, with its authority. Workloads go on. Works as long as the control-plane node is reached: machines of kvm, virtualbox and aws let in one key alone, which lies in the folder of the cluster (~/.slipway/clusters/NAME).';
  static override examples = [
    'slipway adopt demo',
    'slipway adopt lab --host root@192.0.2.11 --host root@192.0.2.12',
    'slipway adopt -f lab.yaml',
  ];
  static override flags = flags;
  static override graceful = true;

  async run(): Promise<void> {
    this.expectArgs({ max: 1 }, 'name of a cluster');
    const { flags: given } = this;
    if (!this.args[0] && !given.file) throw new UsageError('name of a cluster is missing: it is part of the names of its nodes');
    const said = {
      name: this.args[0],
      driver: given.driver,
      hosts: given.host,
      identityFile: given['identity-file'],
      jumpHost: given['jump-host'],
    };
    const { wishes } = await readWishes(said, { file: given.file, stdin: this.io.stdin, applies: false });
    const { adopt } = await import('../provision/jobs/adopt.ts');
    const result = await followJob(adopt(wishes, { signal: this.signal }), { io: this.io, json: given.output === 'json' });
    if (given.output === 'json') return;
    const nodes = result.nodes.map((node) => `${node.name} (${node.address})`).join(', ');
    this.io.out(`Cluster ${result.cluster} is known here again: ${nodes}\n`);
  }
}
