import { type Flags, textFlag } from '../cli/args/flags.ts';
import { forEachItem, UsageError } from '../cli/errors.ts';
import { DRY_RUN_FLAG } from '../cli/kube/object-flags.ts';
import { ObjectCommand } from '../cli/object-command.ts';

const flags = { 'dry-run': DRY_RUN_FLAG, selector: textFlag('Nodes with these labels', { char: 'l' }) } as const satisfies Flags;

export default class Cordon extends ObjectCommand<typeof flags> {
  static override summary = 'Let no new pods onto a node';
  static override usage = 'NODE... [flags]';
  static override examples = ['slipway cordon demo-2'];
  static override flags = flags;

  async run(): Promise<void> {
    if (!this.args.length && !this.flags.selector) throw new UsageError('USAGE: cordon NODE [flags]');
    await forEachItem(await this.objects(['nodes', ...this.args]), async (info) => {
      const { unschedulable = false } = info.object['spec'] as { unschedulable?: boolean };
      if (unschedulable === true) return this.report(info.resource, info.object, 'already cordoned');
      const changed = this.dryRun === 'client' ? info.object : await this.patch(info, { spec: { unschedulable: true } });
      await this.report(info.resource, changed, 'cordoned');
    });
  }
}
