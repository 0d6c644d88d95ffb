import type { Flags } from '../../cli/args/flags.ts';
import { CommandError, forEachItem } from '../../cli/errors.ts';
import { FILE_FLAGS, SELECTOR_FLAGS, WRITE_FLAGS } from '../../cli/kube/object-flags.ts';
import { qualifiedPlural } from '../../cli/kube/resource-catalog.ts';
import { ObjectCommand } from '../../cli/object-command.ts';

const flags = { ...FILE_FLAGS, ...SELECTOR_FLAGS, ...WRITE_FLAGS } as const satisfies Flags;

export default class RolloutRestart extends ObjectCommand<typeof flags> {
  static override summary = 'Replace all pods of a workload, by its update strategy';
  static override usage = '(TYPE NAME | TYPE/NAME | TYPE -l SELECTOR) [flags]';
  static override examples = ['slipway rollout restart deployment/web'];
  static override flags = flags;

  async run(): Promise<void> {
    // To the second, without a fraction: the form that kubectl writes.
    const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
    await forEachItem(await this.objects(), async (info) => {
      if (!['Deployment', 'DaemonSet', 'StatefulSet'].includes(info.object.kind ?? ''))
        throw new CommandError(`${qualifiedPlural(info.resource)} "${info.name}" restarting is not supported`);
      if ((info.object['spec'] as { paused?: boolean }).paused)
        throw new CommandError(`can't restart paused deployment (run rollout resume first)`);
      const body = { spec: { template: { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': now } } } } };
      const changed =
        this.dryRun === 'client' ? info.object : await this.patch(info, body, { type: 'application/strategic-merge-patch+json' });
      await this.report(info.resource, changed, 'restarted');
    });
  }
}
