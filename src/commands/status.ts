import type { Flags } from '../cli/args/flags.ts';
import { BaseCommand, OUTPUT_FLAG } from '../cli/base-command.ts';
import { renderRows } from '../cli/output/text-table.ts';
import type { ClusterStatus } from '../provision/cluster-status.ts';

const flags = { output: OUTPUT_FLAG } as const satisfies Flags;

export default class Status extends BaseCommand<typeof flags> {
  static override summary = 'How a cluster is: machines, API, certificates';
  static override usage = '[NAME] [flags]';
  static override description =
    'Without a name, all clusters. Exit code 1 when a cluster that should run has a node or an API that does not answer.';
  static override examples = ['slipway status', 'slipway status demo -o json'];
  static override flags = flags;

  async run(): Promise<number> {
    this.expectArgs({ max: 1 }, 'name of a cluster');
    const [{ clusterStatus }, { clusterNames }] = await Promise.all([
      import('../provision/cluster-status.ts'),
      import('../provision/state/cluster-state.ts'),
    ]);
    const names = this.args[0] ? [this.args[0]] : await clusterNames();
    const found = await Promise.all(names.map(clusterStatus));
    if (this.flags.output === 'json') this.io.out(`${JSON.stringify(this.args[0] ? found[0] : found, undefined, 2)}\n`);
    else if (!found.length) this.io.out('No cluster yet. Make one: slipway up demo --yes --demo\n');
    else this.io.out(found.map(textOf).join('\n'));
    return found.every(isWell) ? 0 : 1;
  }
}

const isWell = (status: ClusterStatus): boolean =>
  status.phase === 'stopped' ||
  (status.phase === 'ready' && status.api.answers && status.nodes.every((node) => node.machine === 'running' && node.ready !== false));

const textOf = (status: ClusterStatus): string => {
  const nodes = status.nodes.map((node) => [
    node.name,
    node.address,
    node.machine,
    node.ready === undefined ? 'unknown' : node.ready ? 'Ready' : 'NotReady',
    node.controlPlane ? 'control-plane' : 'worker',
  ]);
  const soonest = status.certificates.toSorted((a, b) => a.daysLeft - b.daysLeft)[0];
  return `Cluster ${status.name}: ${status.phase}, driver ${status.driver}, version ${status.version ?? 'unknown'}, made ${status.createdAt}
API ${status.api.server}: ${status.api.answers ? 'answers' : `does not answer (${status.api.reason})`}
Certificates: ${soonest ? `the first to end is ${soonest.name}, in ${soonest.daysLeft} days` : 'none yet'}

${renderRows([['NODE', 'ADDRESS', 'MACHINE', 'STATUS', 'ROLE'], ...nodes])}`;
};
