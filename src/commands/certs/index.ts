import type { Flags } from '../../cli/args/flags.ts';
import { BaseCommand, OUTPUT_FLAG } from '../../cli/base-command.ts';
import { renderRows } from '../../cli/output/text-table.ts';

const flags = { output: OUTPUT_FLAG } as const satisfies Flags;

export default class Certs extends BaseCommand<typeof flags> {
  static override summary = 'When the certificates of a cluster end';
  static override usage = '[NAME] [flags]';
  static override description =
    'Nodes renew their own certificates at 70 to 90 % of their life. One that is "overdue" was not renewed: slipway certs rotate mends it. ' +
    'Exit code 1 when one is overdue or has ended, or a node cannot be asked.';
  static override examples = ['slipway certs', 'slipway certs demo -o json'];
  static override flags = flags;

  async run(): Promise<number> {
    this.expectArgs({ max: 1 }, 'name of a cluster');
    const [{ certificatesOfCluster }, { chooseCluster }] = await Promise.all([
      import('../../provision/cluster-certificates.ts'),
      import('../../provision/state/choose-cluster.ts'),
    ]);
    const report = await certificatesOfCluster(await chooseCluster(this.args[0]));
    if (this.flags.output === 'json') this.io.out(`${JSON.stringify(report, undefined, 2)}\n`);
    else {
      const rows = report.certificates.map(({ name, node, notAfter, daysLeft, state }) => [
        node ?? 'this client',
        name,
        notAfter.replace(/\.\d+Z$/, 'Z'),
        String(daysLeft),
        state,
      ]);
      this.io.out(renderRows([['WHERE', 'CERTIFICATE', 'ENDS', 'DAYS LEFT', 'STATE'], ...rows]));
      for (const { node, reason } of report.unknown) this.io.err(`warning: ${node} could not be asked: ${reason}\n`);
    }
    return report.unknown.length || report.certificates.some(({ state }) => state !== 'good') ? 1 : 0;
  }
}
