import { parseLabelSelector } from '../../api/meta/selector.ts';
import { type Flags, textFlag } from '../../cli/args/flags.ts';
import { CommandError, UsageError } from '../../cli/errors.ts';
import { WRITE_FLAGS } from '../../cli/kube/object-flags.ts';
import { builtinResource } from '../../cli/kube/resource-catalog.ts';
import { ObjectCommand } from '../../cli/object-command.ts';

const flags = {
  ...WRITE_FLAGS,
  selector: textFlag('Labels of the pods: a=1,b=2'),
  'min-available': textFlag('How many, or how much (50%), must stay available'),
  'max-unavailable': textFlag('How many, or how much (50%), may be away'),
} as const satisfies Flags;

export default class CreatePodDisruptionBudget extends ObjectCommand<typeof flags> {
  static override summary = 'Create a PodDisruptionBudget';
  static override usage = 'NAME --selector=LABELS (--min-available=N | --max-unavailable=N)';
  static override examples = ['slipway create poddisruptionbudget web --selector=app=web --min-available=50%'];
  static override flags = flags;

  async run(): Promise<void> {
    const name = this.args[0];
    if (!name) throw new UsageError('exactly one NAME is required, got 0');
    const { selector, 'min-available': least, 'max-unavailable': most } = this.flags;
    if (!selector) throw new CommandError('a selector must be specified');
    if (!least && !most) throw new CommandError('one of min-available or max-unavailable must be specified');
    if (least && most) throw new CommandError('min-available and max-unavailable cannot be both specified');
    const spec = {
      ...(least ? { minAvailable: amountOf(least, 'min-available') } : {}),
      ...(most ? { maxUnavailable: amountOf(most, 'max-unavailable') } : {}),
      selector: { matchLabels: labelsOf(selector) },
    };
    const status = { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 };
    const resource = builtinResource('poddisruptionbudgets', 'policy');
    const object = { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name }, spec, status };
    await this.report(resource, await this.create(resource, object), 'created');
  }
}

const amountOf = (text: string, flag: string): number | string => {
  if (!/^\d+%?$/.test(text)) throw new CommandError(`invalid format specified for ${flag}`);
  return text.endsWith('%') ? text : Number(text);
};

const labelsOf = (text: string): Record<string, string> =>
  Object.fromEntries(
    parseLabelSelector(text).requirements.map(({ key, operator, values }) => {
      if (operator !== 'in' || values.length !== 1) throw new CommandError(`"${operator}" is not a valid label selector operator`);
      return [key, values[0] as string];
    }),
  );
