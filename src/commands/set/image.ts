import { booleanFlag, type Flags } from '../../cli/args/flags.ts';
import { CommandError, forEachItem, UsageError } from '../../cli/errors.ts';
import { parseChanges, splitTargetsAndChanges } from '../../cli/kube/key-value.ts';
import { FILE_FLAGS, SELECTOR_FLAGS, WRITE_FLAGS } from '../../cli/kube/object-flags.ts';
import { type Container, podSpecOf, podSpecPatch } from '../../cli/kube/workloads.ts';
import { ObjectCommand } from '../../cli/object-command.ts';

const flags = { ...FILE_FLAGS, ...SELECTOR_FLAGS, ...WRITE_FLAGS, all: booleanFlag('Every object of the type') } as const satisfies Flags;

export default class SetImage extends ObjectCommand<typeof flags> {
  static override summary = 'Change the image of containers';
  static override usage = '(TYPE NAME | TYPE/NAME | -f FILE) CONTAINER=IMAGE... [flags]';
  static override examples = [
    'slipway set image deployment/web web=registry.slipway.local/demo:2',
    "slipway set image deployments '*=demo:2' --all",
  ];
  static override flags = flags;

  async run(): Promise<void> {
    const { targets, changes } = splitTargetsAndChanges(this.args);
    const { set: images } = parseChanges(changes, 'image');
    if (!Object.keys(images).length) throw new UsageError('at least one image update is required');
    await forEachItem(await this.objects(targets), async (info) => {
      const spec = podSpecOf(info.object);
      const patch: { containers?: object[]; initContainers?: object[] } = {};
      const unknown = new Set(Object.keys(images).filter((name) => name !== '*'));
      for (const list of ['initContainers', 'containers'] as const) {
        const changed = (spec[list] ?? []).flatMap((container: Container) => {
          unknown.delete(container.name);
          const image = images[container.name] ?? images['*'];
          return image !== undefined && image !== container.image ? [{ name: container.name, image }] : [];
        });
        if (changed.length) patch[list] = changed;
      }
      if (unknown.size) throw new CommandError(`unable to find container named "${[...unknown].join('", "')}"`);
      if (!patch.containers && !patch.initContainers) return;
      const body = podSpecPatch(info.object, patch);
      const type = 'application/strategic-merge-patch+json';
      const changed = this.dryRun === 'client' ? info.object : await this.patch(info, body, { type });
      await this.report(info.resource, changed, 'image updated');
    });
  }
}
