import { resolve } from 'node:path';
import { booleanFlag, type Flags, listFlag, textFlag } from '../../cli/args/flags.ts';
import { BaseCommand, PROGRESS_FLAG } from '../../cli/base-command.ts';
import { UsageError } from '../../cli/errors.ts';
import { followJob } from '../../cli/progress/follow-job.ts';

const flags = {
  output: textFlag('Where to write it [slipway-bundle.tar.gz]', { char: 'o' }),
  file: textFlag('Cluster file to take along, with its manifests and the images that they run', { char: 'f' }),
  image: listFlag('Image archive to load into every node; once for each'),
  packages: booleanFlag('Packages of the distribution with their dependencies; --packages=false for hosts that have them', {
    default: true,
  }),
  progress: PROGRESS_FLAG,
} as const satisfies Flags;

export default class BundleCreate extends BaseCommand<typeof flags> {
  static override summary = 'Write one file with all that up needs where nothing can be fetched';
  static override description =
    'Node.js, the programs of nodes, this client, the packages that nodes need with all that they depend on, and images: those that are given, and with -f those that the manifests of a cluster file run. Made on a machine of the distribution and architecture that it is for; used with `slipway up --bundle FILE`.';
  static override examples = [
    'slipway bundle create -o slipway-bundle.tar.gz --image web.tar',
    'slipway bundle create -f lab.yaml   # the file, its manifests and their images too',
    'slipway up lab --bundle slipway-bundle.tar.gz --yes --host root@192.0.2.11',
  ];
  static override flags = flags;
  static override graceful = true;

  async run(): Promise<void> {
    this.expectArgs({ max: 0 });
    const { createBundle } = await import('../../provision/bundle/create-bundle.ts');
    const { output = 'slipway-bundle.tar.gz', file, image, packages, progress } = this.flags;
    if (file === '-') throw new UsageError('-f - cannot be taken along: name the file, which its manifests lie beside');
    const job = createBundle({ path: resolve(output), file, images: image.map((path) => resolve(path)), packages, signal: this.signal });
    const made = await followJob(job, { io: this.io, json: progress === 'json' });
    if (progress === 'json') return;
    const cluster = made.cluster ? `, cluster file ${made.cluster}` : '';
    const images = made.images.length ? `, images ${made.images.join(', ')}` : '';
    this.io.out(
      `${made.path}: ${Math.round(made.bytes / 2 ** 20)} MiB, ${made.packages} packages${images}${cluster}\nsha256 ${made.sha256}\n`,
    );
  }
}
