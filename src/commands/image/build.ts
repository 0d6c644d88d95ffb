import { booleanFlag, type Flags, listFlag, textFlag } from '../../cli/args/flags.ts';
import { BaseCommand, OUTPUT_FLAG } from '../../cli/base-command.ts';
import { UsageError } from '../../cli/errors.ts';
import { followJob } from '../../cli/progress/follow-job.ts';

const flags = {
  tag: textFlag('Name of the image', { char: 't' }),
  file: textFlag('The Containerfile [Containerfile or Dockerfile in DIR]', { char: 'f' }),
  'build-arg': listFlag('NAME=VALUE', { splitOnComma: false }),
  load: booleanFlag('Load it into the nodes', { default: true }),
  archive: textFlag('Write the image to this file too'),
  cluster: textFlag('Which cluster [the current one]'),
  output: OUTPUT_FLAG,
} as const satisfies Flags;

export default class ImageBuild extends BaseCommand<typeof flags> {
  static override summary = 'Build an image from a Containerfile and load it into every node';
  static override usage = '-t NAME DIR [flags]';
  static override examples = ['slipway image build -t web:1 .', 'slipway image build -t web:1 --load=false --archive web.tar .'];
  static override flags = flags;
  static override graceful = true;

  async run(): Promise<void> {
    const { tag, file, load, archive, cluster, output } = this.flags;
    if (!tag) throw new UsageError('required flag(s) "tag" not set');
    this.expectArgs({ min: 1, max: 1 }, 'DIR');
    const [{ buildForCluster }, { chooseCluster }] = await Promise.all([
      import('../../provision/images/image-jobs.ts'),
      import('../../provision/state/choose-cluster.ts'),
    ]);
    const [folder = '.'] = this.args;
    const job = buildForCluster({
      ...{ tag, folder, file, archive, buildArgs: this.flags['build-arg'], signal: this.signal },
      // Known before minutes go into a build.
      cluster: load ? await chooseCluster(cluster) : undefined,
    });
    await followJob(job, { io: this.io, json: output === 'json', verbose: true });
  }
}
