import { booleanFlag, type Flags, listFlag, textFlag } from '../../cli/args/flags.ts';
import { forEachItem, UsageError } from '../../cli/errors.ts';
import { parsePairs } from '../../cli/kube/key-value.ts';
import { FILE_FLAGS, SELECTOR_FLAGS, WRITE_FLAGS } from '../../cli/kube/object-flags.ts';
import { podSpecOf, podSpecPatch } from '../../cli/kube/workloads.ts';
import { ObjectCommand } from '../../cli/object-command.ts';

const flags = {
  ...FILE_FLAGS,
  ...SELECTOR_FLAGS,
  ...WRITE_FLAGS,
  all: booleanFlag('Every object of the type'),
  containers: textFlag('Which container, * for all', { char: 'c', default: '*' }),
  limits: listFlag('cpu=200m,memory=512Mi'),
  requests: listFlag('cpu=100m,memory=256Mi'),
} as const satisfies Flags;

export default class SetResources extends ObjectCommand<typeof flags> {
  static override summary = 'Change requests and limits of containers';
  static override usage = '(TYPE NAME | TYPE/NAME | -f FILE) [--limits=...] [--requests=...] [flags]';
  static override examples = ['slipway set resources deployment/web --limits=cpu=200m,memory=512Mi'];
  static override flags = flags;

  async run(): Promise<void> {
    const { limits, requests, containers: wanted } = this.flags;
    if (!limits.length && !requests.length)
      throw new UsageError('you must specify an update to requests or limits (in the form of --requests/--limits)');
    const resources = {
      ...(limits.length ? { limits: parsePairs(limits, 'limits') } : {}),
      ...(requests.length ? { requests: parsePairs(requests, 'requests') } : {}),
    };
    await forEachItem(await this.objects(), async (info) => {
      const chosen = podSpecOf(info.object).containers.filter(({ name }) => wanted === '*' || name === wanted);
      const body = podSpecPatch(info.object, { containers: chosen.map(({ name }) => ({ name, resources })) });
      const changed =
        this.dryRun === 'client' ? info.object : await this.patch(info, body, { type: 'application/strategic-merge-patch+json' });
      await this.report(info.resource, changed, 'resource requirements updated');
    });
  }
}
