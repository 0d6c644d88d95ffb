import { humanDuration } from '../../api/meta/columns.ts';
import { type Flags, textFlag } from '../../cli/args/flags.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { renderRows } from '../../cli/output/text-table.ts';

const flags = {
  cluster: textFlag('Name of the cluster [that of the current context]'),
  output: textFlag('Output format: json, wide, or text where it is left out', { char: 'o', options: ['json', 'wide'] }),
} as const satisfies Flags;

export default class NodeList extends BaseCommand<typeof flags> {
  static override summary = 'List the nodes of a cluster with their machines';
  static override examples = ['slipway node list', 'slipway node list --cluster demo -o json'];
  static override flags = flags;

  async run(): Promise<void> {
    this.expectArgs({ max: 0 });
    const [{ clusterStatus }, { chooseCluster }] = await Promise.all([
      import('../../provision/cluster-status.ts'),
      import('../../provision/state/choose-cluster.ts'),
    ]);
    const { nodes } = await clusterStatus(await chooseCluster(this.flags.cluster));
    if (this.flags.output === 'json') this.io.out(`${JSON.stringify(nodes, undefined, 2)}\n`);
    else {
      const isWide = this.flags.output === 'wide';
      const rows = nodes.map((node) => [
        node.name,
        node.address,
        node.machine,
        node.ready === undefined ? 'unknown' : node.ready ? 'Ready' : 'NotReady',
        ...(isWide ? [node.driver, node.pool, node.version ?? 'unknown', ageOf(node.createdAt)] : []),
      ]);
      this.io.out(renderRows([['NODE', 'ADDRESS', 'MACHINE', 'STATUS', ...(isWide ? ['DRIVER', 'POOL', 'VERSION', 'AGE'] : [])], ...rows]));
    }
  }
}

const ageOf = (createdAt: string | undefined): string => (createdAt ? humanDuration(Date.now() - Date.parse(createdAt)) : 'unknown');
