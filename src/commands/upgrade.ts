import { booleanFlag, type Flags } from '../cli/args/flags.ts';
import { BaseCommand, OUTPUT_FLAG } from '../cli/base-command.ts';
import { UsageError } from '../cli/errors.ts';
import { renderRows } from '../cli/output/text-table.ts';
import { followJob } from '../cli/progress/follow-job.ts';

const flags = {
  'dry-run': booleanFlag('Only tell what would be done'),
  rollback: booleanFlag('Back to the version before the last upgrade'),
  'restore-store': booleanFlag('With --rollback: the store too, as it was then; what was written since is lost'),
  output: OUTPUT_FLAG,
} as const satisfies Flags;

export default class Upgrade extends BaseCommand<typeof flags> {
  static override summary = 'Bring a cluster to the version of this program';
  static override usage = '[NAME] [flags]';
  static override description =
    'The control plane first, after a snapshot of its store, then the nodes one after the other: drained, replaced, and taken up again once they are ' +
    'healthy. A step that fails is taken back with all before it. Run again after an interruption, it goes on.';
  static override examples = ['slipway upgrade demo --dry-run', 'slipway upgrade demo', 'slipway upgrade demo --rollback'];
  static override flags = flags;
  static override graceful = true;

  async run(): Promise<void> {
    this.expectArgs({ max: 1 }, 'name of a cluster');
    const { output, rollback } = this.flags;
    if (this.flags['restore-store'] && !rollback) throw new UsageError('--restore-store goes with --rollback');
    const [{ upgradeCluster }, { chooseCluster }] = await Promise.all([
      import('../provision/jobs/upgrade.ts'),
      import('../provision/state/choose-cluster.ts'),
    ]);
    const name = await chooseCluster(this.args[0]);
    const dryRun = this.flags['dry-run'];
    const options = { signal: this.signal, dryRun, rollback, restoreStore: this.flags['restore-store'] };
    const { version, actions } = await followJob(upgradeCluster(name, options), { io: this.io, json: output === 'json' });
    if (output === 'json') return;
    if (dryRun && actions.length)
      this.io.out(
        renderRows([['NODE', 'WHAT', 'FROM', 'TO'], ...actions.map(({ node, what, from }) => [node, what, from ?? 'unknown', version])]),
      );
    else this.io.out(actions.length ? `Cluster ${name} runs version ${version}\n` : `Cluster ${name} runs version ${version} already\n`);
  }
}
