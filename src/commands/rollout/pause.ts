import type { Flags } from '../../cli/args/flags.ts';
import { CommandError, forEachItem } from '../../cli/errors.ts';
import { FILE_FLAGS, SELECTOR_FLAGS, WRITE_FLAGS } from '../../cli/kube/object-flags.ts';
import { qualifiedPlural } from '../../cli/kube/resource-catalog.ts';
import { ObjectCommand } from '../../cli/object-command.ts';

const flags = { ...FILE_FLAGS, ...SELECTOR_FLAGS, ...WRITE_FLAGS } as const satisfies Flags;

export default class RolloutPause extends ObjectCommand<typeof flags> {
  static override summary = 'Hold the rollout of a Deployment';
  static override usage = '(TYPE NAME | TYPE/NAME | -f FILE) [flags]';
  static override examples = ['slipway rollout pause deployment/web'];
  static override flags = flags;

  async run(): Promise<void> {
    await forEachItem(await this.objects(), async (info) => {
      if (info.object.kind !== 'Deployment')
        throw new CommandError(`${qualifiedPlural(info.resource)} "${info.name}" pausing is not supported`);
      const { paused = false } = info.object['spec'] as { paused?: boolean };
      if (paused === true) throw new CommandError(`${qualifiedPlural(info.resource)} "${info.name}" is already paused`);
      const changed = this.dryRun === 'client' ? info.object : await this.patch(info, { spec: { paused: true } });
      await this.report(info.resource, changed, 'paused');
    });
  }
}
