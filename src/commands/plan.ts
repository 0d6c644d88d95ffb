import { booleanFlag, type Flags } from '../cli/args/flags.ts';
import { BaseCommand, OUTPUT_FLAG } from '../cli/base-command.ts';
import { CLUSTER_FLAGS, wishesOf } from '../cli/cluster-flags.ts';
import { viewOfError } from '../cli/print-error.ts';
import { withStatusLine } from '../cli/progress/status-line.ts';
import { readWishes } from '../provision/file/read-wishes.ts';

const flags = {
  ...CLUSTER_FLAGS,
  demo: booleanFlag('As of up --demo'),
  kubeconfig: booleanFlag('As of up --kubeconfig', { default: true }),
  'detailed-exitcode': booleanFlag('Exit code 2 when there is anything to do, 0 when there is nothing, 1 after an error'),
  output: OUTPUT_FLAG,
} as const satisfies Flags;

export default class Plan extends BaseCommand<typeof flags> {
  static override summary = 'Show what up would make, change and remove';
  static override usage = '[NAME] [flags]';
  static override description =
    'Reads the real state: machines and what they share from their drivers, files and services from nodes that run, objects from the API. Changes nothing. + is made, ~ changed, > started, - removed (up does so with --prune), ! needs a new machine.';
  static override examples = [
    'slipway plan demo --nodes 4',
    'slipway plan -f cluster.yaml',
    'slipway plan -f cluster.yaml --detailed-exitcode -o json',
  ];
  static override flags = flags;

  async run(): Promise<number> {
    const code = this.flags['detailed-exitcode'] ? 2 : 0;
    try {
      return (await this.show()) ? code : 0;
    } catch (error) {
      if (!code) throw error;
      // Wrong usage has exit code 2 elsewhere, which here would say that there are changes.
      const { text, json } = viewOfError(error, this.id);
      this.io.err(this.flags.output === 'json' ? `${JSON.stringify(json)}\n` : text);
      return 1;
    }
  }

  /** Answers whether there is anything to do. */
  private async show(): Promise<boolean> {
    this.expectArgs({ max: 1 }, 'name of a cluster');
    const { flags: given } = this;
    const said = wishesOf(this.args[0], given, this.given);
    const { wishes, overrides } = await readWishes(said, { file: given.file, stdin: this.io.stdin, applies: true });
    const { makePlan, planText } = await import('../provision/plan/index.ts');
    const fromFile = wishes.file?.content.spec;
    const options = {
      yes: false,
      keep: false,
      demo: given.demo || (fromFile?.addons?.demo ?? false),
      mergeKubeconfig: this.given.has('kubeconfig') ? given.kubeconfig : (fromFile?.kubeconfig?.merge ?? true),
      switchContext: false,
      signal: this.signal,
    };
    const plan = await withStatusLine(this.io, (report) => makePlan(wishes, { ...options, report }));
    this.io.out(given.output === 'json' ? `${JSON.stringify({ ...plan, overrides }, undefined, 2)}\n` : planText(plan, overrides));
    return plan.changed;
  }
}
