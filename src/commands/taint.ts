import { booleanFlag, type Flags } from '../cli/args/flags.ts';
import { CommandError, forEachItem, UsageError } from '../cli/errors.ts';
import { SELECTOR_FLAGS, WRITE_FLAGS } from '../cli/kube/object-flags.ts';
import { ObjectCommand } from '../cli/object-command.ts';

const flags = {
  ...SELECTOR_FLAGS,
  ...WRITE_FLAGS,
  all: booleanFlag('Every node'),
  overwrite: booleanFlag('Replace the value of a taint that is there'),
} as const satisfies Flags;

interface Taint {
  key: string;
  value?: string;
  effect: string;
}

export default class TaintNodes extends ObjectCommand<typeof flags> {
  static override summary = 'Change the taints of nodes';
  static override usage = 'nodes NAME... KEY[=VALUE]:EFFECT... KEY[:EFFECT]-...';
  static override examples = ['slipway taint nodes demo-2 dedicated=db:NoSchedule', 'slipway taint nodes demo-2 dedicated-'];
  static override flags = flags;

  async run(): Promise<void> {
    const first = this.args.findIndex((word, index) => index > 0 && (word.includes(':') || word.includes('=') || word.endsWith('-')));
    if (first < 0) throw new UsageError('at least one taint update is required');
    const changes = this.args.slice(first).map(parseTaint);
    await forEachItem(await this.objects(this.args.slice(0, first)), async (info) => {
      let taints = [...((info.object['spec'] as { taints?: Taint[] }).taints ?? [])];
      for (const { remove, taint } of changes) {
        const same = (each: Taint): boolean => each.key === taint.key && (taint.effect === '' || each.effect === taint.effect);
        if (remove) {
          if (!taints.some(same)) throw new CommandError(`taint "${taint.key}${taint.effect ? `:${taint.effect}` : ''}" not found`);
          taints = taints.filter((each) => !same(each));
        } else {
          if (taints.some(same) && !this.flags.overwrite)
            throw new CommandError(`node ${info.name} already has ${taint.key} taint(s) with same effect(s) and --overwrite is false`);
          taints = [...taints.filter((each) => !same(each)), taint];
        }
      }
      // The version makes it fail rather than overwrite what someone else changed meanwhile: taints are one list.
      const body = { metadata: { resourceVersion: info.object.metadata.resourceVersion }, spec: { taints: taints.length ? taints : null } };
      const changed = this.dryRun === 'client' ? info.object : await this.patch(info, body);
      await this.report(
        info.resource,
        changed,
        changes.every(({ remove }) => remove) ? 'untainted' : changes.some(({ remove }) => remove) ? 'modified' : 'tainted',
      );
    });
  }
}

const parseTaint = (text: string): { remove: boolean; taint: Taint } => {
  const remove = text.endsWith('-');
  const match = /^([^=:]+)(?:=([^:]*))?(?::(\w+))?$/.exec(remove ? text.slice(0, -1) : text);
  const [, key = '', value, effect = ''] = match ?? [];
  if (!match || (!remove && effect === '')) throw new UsageError(`invalid taint spec: ${text}`);
  if (effect && !['NoSchedule', 'PreferNoSchedule', 'NoExecute'].includes(effect))
    throw new UsageError(`invalid taint effect: ${effect}, unsupported taint effect`);
  return { remove, taint: { key, ...(value ? { value } : {}), effect } };
};
