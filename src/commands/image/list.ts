import { type Flags, textFlag } from '../../cli/args/flags.ts';
import { BaseCommand, OUTPUT_FLAG } from '../../cli/base-command.ts';
import { renderObject } from '../../cli/output/render-object.ts';
import { renderRows } from '../../cli/output/text-table.ts';

const flags = { cluster: textFlag('Which cluster [the current one]'), output: OUTPUT_FLAG } as const satisfies Flags;

export default class ImageList extends BaseCommand<typeof flags> {
  static override summary = 'List the images on the nodes';
  static override examples = ['slipway image list'];
  static override flags = flags;

  async run(): Promise<void> {
    const [{ listImages }, { chooseCluster }] = await Promise.all([
      import('../../provision/images/image-jobs.ts'),
      import('../../provision/state/choose-cluster.ts'),
    ]);
    const images = await listImages(await chooseCluster(this.flags.cluster));
    const rows = [...images]
      .map(([name, { id, nodes }]) => ({ name, id, nodes: nodes.toSorted() }))
      .sort((one, other) => (one.name < other.name ? -1 : 1));
    if (this.flags.output === 'json') this.io.out(renderObject(rows, 'json'));
    else
      this.io.out(renderRows([['IMAGE', 'ID', 'NODES'], ...rows.map(({ name, id, nodes }) => [name, id.slice(7, 19), nodes.join(', ')])]));
  }
}
