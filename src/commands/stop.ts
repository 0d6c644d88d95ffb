import type { Flags } from '../cli/args/flags.ts';
import { BaseCommand, OUTPUT_FLAG } from '../cli/base-command.ts';
import { followJob } from '../cli/progress/follow-job.ts';

const flags = { output: OUTPUT_FLAG } as const satisfies Flags;

export default class Stop extends BaseCommand<typeof flags> {
  static override summary = 'Stop the machines of a cluster; its data stays';
  static override usage = '[NAME] [flags]';
  static override examples = ['slipway stop demo'];
  static override flags = flags;
  static override graceful = true;

  async run(): Promise<void> {
    this.expectArgs({ max: 1 }, 'name of a cluster');
    const [{ stopCluster }, { chooseCluster }] = await Promise.all([
      import('../provision/jobs/power.ts'),
      import('../provision/state/choose-cluster.ts'),
    ]);
    const name = await chooseCluster(this.args[0]);
    await followJob(stopCluster(name), { io: this.io, json: this.flags.output === 'json' });
    if (this.flags.output !== 'json') this.io.out(`Cluster ${name} is stopped; slipway start ${name} brings it back\n`);
  }
}
