import { type Flags, integerFlag } from '../../cli/args/flags.ts';
import { CommandError, forEachItem } from '../../cli/errors.ts';
import { FILE_FLAGS, SELECTOR_FLAGS, WRITE_FLAGS } from '../../cli/kube/object-flags.ts';
import { type Revision, revisionsOf, revisionToUndo, sameTemplate } from '../../cli/kube/revisions.ts';
import { ObjectCommand } from '../../cli/object-command.ts';

const flags = {
  ...FILE_FLAGS,
  ...SELECTOR_FLAGS,
  ...WRITE_FLAGS,
  'to-revision': integerFlag('Go back to this revision; 0: the one before', { default: 0 }),
} as const satisfies Flags;

export default class RolloutUndo extends ObjectCommand<typeof flags> {
  static override summary = 'Go back to an earlier revision';
  static override usage = '(TYPE NAME | TYPE/NAME) [--to-revision=N] [flags]';
  static override examples = ['slipway rollout undo deployment/web', 'slipway rollout undo deployment/web --to-revision=3'];
  static override flags = flags;

  async run(): Promise<void> {
    await forEachItem(await this.objects(), async (info) => {
      const spec = info.object['spec'] as { paused?: boolean; template: Revision['template'] };
      if (spec.paused)
        throw new CommandError(`you cannot rollback a paused deployment; resume it first with 'slipway rollout resume' and try again`);
      const { template } = revisionToUndo(await revisionsOf(await this.session(), info.object), this.flags['to-revision']);
      if (sameTemplate(template, spec.template)) {
        await this.report(
          info.resource,
          info.object,
          `skipped rollback (current template already matches revision ${this.flags['to-revision']})`,
        );
        return;
      }
      const patch = [{ op: 'replace', path: '/spec/template', value: template }];
      const changed = this.dryRun === 'client' ? info.object : await this.patch(info, patch, { type: 'application/json-patch+json' });
      await this.report(info.resource, changed, 'rolled back');
    });
  }
}
