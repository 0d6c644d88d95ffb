import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { booleanFlag, type Flags, listFlag, textFlag } from '../../cli/args/flags.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { UsageError } from '../../cli/errors.ts';
import { followJob } from '../../cli/progress/follow-job.ts';

const flags = {
  tag: textFlag('Name of the image', { char: 't' }),
  file: textFlag('The Containerfile [Containerfile or Dockerfile in DIR]', { char: 'f' }),
  'build-arg': listFlag('NAME=VALUE', { splitOnComma: false }),
  load: booleanFlag('Load it into the nodes', { default: true }),
  archive: textFlag('Write the image to this file too'),
  cluster: textFlag('Which cluster [the current one]'),
} as const satisfies Flags;

export default class ImageBuild extends BaseCommand<typeof flags> {
  static override summary = 'Build an image from a Containerfile and load it into every node';
  static override usage = '-t NAME DIR [flags]';
  static override examples = ['slipway image build -t web:1 .', 'slipway image build -t web:1 --load=false --archive web.tar .'];
  static override flags = flags;
  static override graceful = true;

  async run(): Promise<void> {
    const { tag } = this.flags;
    if (!tag) throw new UsageError('required flag(s) "tag" not set');
    this.expectArgs({ min: 1, max: 1 }, 'DIR');
    const folder = await mkdtemp(join(tmpdir(), 'slipway-build-'));
    try {
      const { buildImage } = await import('../../provision/images/build-image.ts');
      const archive = join(folder, 'image.tar');
      const [directory = '.'] = this.args;
      await buildImage({
        tag,
        folder: directory,
        file: this.flags.file,
        buildArgs: this.flags['build-arg'],
        archive,
        signal: this.signal,
        onOutput: (text) => this.io.err(text),
      });
      if (this.flags.archive) {
        const { copyFile } = await import('node:fs/promises');
        await copyFile(archive, this.flags.archive);
      }
      if (!this.flags.load) return;
      const [{ loadIntoCluster }, { chooseCluster }] = await Promise.all([
        import('../../provision/images/image-jobs.ts'),
        import('../../provision/state/choose-cluster.ts'),
      ]);
      await followJob(loadIntoCluster(await chooseCluster(this.flags.cluster), [{ path: archive }]), { io: this.io, json: false });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}
