import type { KubeObject } from '../api/meta/object.ts';
import { isNotFound } from '../api/meta/status.ts';
import { durationMs } from '../cli/args/duration.ts';
import { booleanFlag, type Flags, textFlag } from '../cli/args/flags.ts';
import { CommandError, forEachItem, UsageError } from '../cli/errors.ts';
import { FILE_FLAGS, SELECTOR_FLAGS } from '../cli/kube/object-flags.ts';
import { waitForObject } from '../cli/kube/wait-for.ts';
import { ObjectCommand, type ObjectInfo } from '../cli/object-command.ts';
import { asText, findByPath } from '../cli/output/jsonpath.ts';

const flags = {
  ...FILE_FLAGS,
  ...SELECTOR_FLAGS,
  for: textFlag("condition=NAME[=VALUE], jsonpath='{PATH}'[=VALUE], create or delete"),
  timeout: textFlag('How long to wait; negative: a week', { default: '30s' }),
  all: booleanFlag('Every object of the type'),
  'all-namespaces': booleanFlag('In every namespace', { char: 'A' }),
} as const satisfies Flags;

type Test = (object: KubeObject | undefined) => boolean;

export default class Wait extends ObjectCommand<typeof flags> {
  static override summary = 'Wait for a condition of objects';
  static override usage = '(TYPE NAME | TYPE/NAME | TYPE -l SELECTOR) --for=CONDITION [--timeout=30s]';
  static override examples = [
    'slipway wait --for=condition=Available deployment/web --timeout=60s',
    "slipway wait --for=jsonpath='{.status.phase}'=Running pod/web",
    'slipway wait --for=delete pod/web',
  ];
  static override flags = flags;

  async run(): Promise<void> {
    const { for: wanted } = this.flags;
    if (!wanted) throw new UsageError('required flag(s) "for" not set');
    const test = testOf(wanted);
    const timeout = durationMs(this.flags.timeout);
    const timeoutMs = timeout < 0 ? 7 * 24 * 3600 * 1000 : timeout;
    const deadline = Date.now() + timeoutMs;
    const infos = await this.targets(wanted, deadline);
    if (!infos.length && wanted !== 'delete') throw new CommandError('no matching resources found');
    await forEachItem(infos, async (info) => {
      const met = await waitForObject(await this.session(), info, test, {
        timeoutMs: Math.max(1, deadline - Date.now()),
        signal: this.signal,
      });
      await this.report(info.resource, met ?? info.object, wanted === 'delete' ? 'deleted' : 'condition met');
    });
  }

  private async targets(wanted: string, deadline: number): Promise<ObjectInfo[]> {
    for (;;) {
      try {
        return await this.objects();
      } catch (error) {
        if (!isNotFound(error)) throw error;
        if (wanted === 'delete') return [];
        if (wanted !== 'create' || Date.now() > deadline) throw error;
        // A name that is not there yet cannot be watched by everyone who may create it: it is asked for, gently.
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
    }
  }
}

const testOf = (wanted: string): Test => {
  if (wanted === 'delete') return (object) => object === undefined;
  if (wanted === 'create') return (object) => object !== undefined;
  const condition = /^condition=([^=]+)(?:=(.*))?$/.exec(wanted);
  if (condition) {
    const [, type = '', value = 'True'] = condition;
    return (object) => {
      const status = (object?.['status'] ?? {}) as {
        conditions?: { type: string; status: string; observedGeneration?: number }[];
        observedGeneration?: number;
      };
      const found = status.conditions?.find((each) => each.type.toLowerCase() === type.toLowerCase());
      const generation = object?.metadata.generation ?? 0;
      const observed = found?.observedGeneration ?? status.observedGeneration ?? generation;
      return found !== undefined && observed >= generation && found.status.toLowerCase() === value.toLowerCase();
    };
  }
  const path = /^jsonpath=(\{[^}]*\}|[^=]*)(?:=(.*))?$/s.exec(wanted);
  if (path) {
    const [, expression = '', value] = path;
    return (object) => {
      const found = object === undefined ? [] : findByPath(expression, object);
      return value === undefined ? found.length > 0 : found.some((each) => asText(each) === value.replace(/^(["'])(.*)\1$/, '$2'));
    };
  }
  throw new UsageError(`unrecognized condition: "${wanted}"`);
};
