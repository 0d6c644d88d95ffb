import { resolve } from 'node:path';
import { booleanFlag, type Flags, listFlag, textFlag } from '../../cli/args/flags.ts';
import { BaseCommand, PROGRESS_FLAG } from '../../cli/base-command.ts';
import { followJob } from '../../cli/progress/follow-job.ts';

const flags = {
  output: textFlag('Where to write it [slipway-bundle.tar.gz]', { char: 'o' }),
  image: listFlag('Image archive to load into every node; once for each'),
  packages: booleanFlag('Packages of the distribution with their dependencies; --packages=false for hosts that have them', {
    default: true,
  }),
  progress: PROGRESS_FLAG,
} as const satisfies Flags;

export default class BundleCreate extends BaseCommand<typeof flags> {
  static override summary = 'Write one file with all that up needs where nothing can be fetched';
  static override description =
    'Node.js, the programs of nodes, this client, the packages that nodes need with all that they depend on, and images. Made on a machine of the distribution and architecture that it is for; used with `slipway up --bundle FILE`.';
  static override examples = [
    'slipway bundle create -o slipway-bundle.tar.gz --image web.tar',
    'slipway up lab --bundle slipway-bundle.tar.gz --yes --host root@192.0.2.11',
  ];
  static override flags = flags;
  static override graceful = true;

  async run(): Promise<void> {
    this.expectArgs({ max: 0 });
    const { createBundle } = await import('../../provision/bundle/create-bundle.ts');
    const { output = 'slipway-bundle.tar.gz', image, packages, progress } = this.flags;
    const job = createBundle({ path: resolve(output), images: image.map((path) => resolve(path)), packages, signal: this.signal });
    const made = await followJob(job, { io: this.io, json: progress === 'json' });
    if (progress === 'json') return;
    const images = made.images.length ? `, images ${made.images.join(', ')}` : '';
    this.io.out(
      `${made.path}: ${Math.round(made.bytes / 2 ** 20)} MiB, ${made.packages} packages${images}\nsha256 ${made.sha256}\n`,
    );
  }
}
