import type { PodTemplateSpec } from '../../api/types/core-v1.ts';
import { type Flags, integerFlag, textFlag } from '../../cli/args/flags.ts';
import { Page } from '../../cli/describe/page.ts';
import { describeTemplate } from '../../cli/describe/pod.ts';
import { CommandError, forEachItem } from '../../cli/errors.ts';
import { FILE_FLAGS, SELECTOR_FLAGS } from '../../cli/kube/object-flags.ts';
import { qualifiedName } from '../../cli/kube/resource-catalog.ts';
import { revisionsOf } from '../../cli/kube/revisions.ts';
import { ObjectCommand } from '../../cli/object-command.ts';

const flags = {
  ...FILE_FLAGS,
  ...SELECTOR_FLAGS,
  revision: integerFlag('Show the pod template of this revision', { default: 0 }),
  output: textFlag('Accepted for compatibility', { char: 'o', hidden: true }),
} as const satisfies Flags;

export default class RolloutHistory extends ObjectCommand<typeof flags> {
  static override summary = 'List the revisions of a workload';
  static override usage = '(TYPE NAME | TYPE/NAME) [--revision=N] [flags]';
  static override examples = ['slipway rollout history deployment/web', 'slipway rollout history deployment/web --revision=2'];
  static override flags = flags;

  async run(): Promise<void> {
    await forEachItem(await this.objects(), async (info) => {
      const revisions = await revisionsOf(await this.session(), info.object);
      const wanted = this.flags.revision;
      const name = qualifiedName(info.resource, info.name);
      if (wanted > 0) {
        const found = revisions.find((revision) => revision.number === wanted);
        if (!found) throw new CommandError(`unable to find the specified revision`);
        const page = new Page(Date.now());
        page.line(`${name} with revision #${wanted}`);
        describeTemplate(page, found.template as PodTemplateSpec);
        this.io.out(page.toString());
        return;
      }
      if (!revisions.length) {
        this.io.out(`${name} \nNo rollout history found.\n`);
        return;
      }
      const page = new Page(Date.now());
      page.line(`${name} `);
      page.line('REVISION\tCHANGE-CAUSE');
      for (const { number, changeCause } of revisions) page.line(`${number}\t${changeCause}`);
      this.io.out(`${page}\n`);
    });
  }
}
