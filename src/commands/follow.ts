import { BaseCommand } from '../cli/base-command.ts';

/** What other commands call when their way into a cluster is about to end, or has: `slipway __follow NAME`. Exit code 0: there is a new one. */
export default class Follow extends BaseCommand {
  static override summary = 'Keeps the way into a cluster up to date';

  async run(): Promise<number> {
    this.expectArgs({ min: 1, max: 1 }, 'name of a cluster');
    const { followCluster } = await import('../provision/follow-cluster.ts');
    const { changed } = await followCluster(this.args[0] ?? '');
    return changed ? 0 : 1;
  }
}
