import { type Flags, textFlag } from '../../cli/args/flags.ts';
import { BaseCommand, OUTPUT_FLAG } from '../../cli/base-command.ts';
import { followJob } from '../../cli/progress/follow-job.ts';

const flags = { cluster: textFlag('Which cluster [the current one]'), output: OUTPUT_FLAG } as const satisfies Flags;

export default class ImageLoad extends BaseCommand<typeof flags> {
  static override summary = 'Load image archives into every node';
  static override usage = 'FILE... [flags]';
  static override description =
    'Takes docker-archives and OCI layouts, plain or gzipped. Nodes are loaded side by side, and only with layers that they lack.';
  static override examples = ['slipway image load web.tar', 'docker save web:1 -o web.tar && slipway image load web.tar'];
  static override flags = flags;

  async run(): Promise<void> {
    this.expectArgs({ min: 1 }, 'FILE');
    const [{ loadIntoCluster }, { chooseCluster }] = await Promise.all([
      import('../../provision/images/image-jobs.ts'),
      import('../../provision/state/choose-cluster.ts'),
    ]);
    const job = loadIntoCluster(
      await chooseCluster(this.flags.cluster),
      this.args.map((path) => ({ path })),
    );
    await followJob(job, { io: this.io, json: this.flags.output === 'json' });
  }
}
