import { booleanFlag, type Flags, textFlag } from '../cli/args/flags.ts';
import { BaseCommand, OUTPUT_FLAG } from '../cli/base-command.ts';
import { followJob } from '../cli/progress/follow-job.ts';

const flags = {
  force: booleanFlag('Also machines that no state file knows'),
  driver: textFlag('Driver of machines that no state file knows, with --force [local]'),
  output: OUTPUT_FLAG,
} as const satisfies Flags;

export default class Down extends BaseCommand<typeof flags> {
  static override summary = 'Remove a cluster with everything that belongs to it';
  static override usage = '[NAME] [flags]';
  static override examples = ['slipway down demo'];
  static override flags = flags;
  static override graceful = true;

  async run(): Promise<void> {
    this.expectArgs({ max: 1 }, 'name of a cluster');
    const [{ down }, { chooseCluster }] = await Promise.all([
      import('../provision/jobs/down.ts'),
      import('../provision/state/choose-cluster.ts'),
    ]);
    const name = await chooseCluster(this.args[0]);
    const { machines } = await followJob(down(name, { force: this.flags.force, driver: this.flags.driver }), {
      io: this.io,
      json: this.flags.output === 'json',
    });
    if (this.flags.output !== 'json') this.io.out(`Cluster ${name} is removed (${machines.join(', ') || 'it had no machines'})\n`);
  }
}
