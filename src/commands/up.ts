import { durationMs } from '../cli/args/duration.ts';
import { booleanFlag, type Flags, textFlag } from '../cli/args/flags.ts';
import { BaseCommand, OUTPUT_FLAG } from '../cli/base-command.ts';
import { CLUSTER_FLAGS, nobodyToAsk, tellsCluster, wishesOf } from '../cli/cluster-flags.ts';
import { UsageError } from '../cli/errors.ts';
import { followJob } from '../cli/progress/follow-job.ts';
import { withStatusLine } from '../cli/progress/status-line.ts';
import { readWishes } from '../provision/file/read-wishes.ts';
import type { UpResult } from '../provision/jobs/up.ts';
import type { ClusterWishes } from '../provision/spec/cluster-spec.ts';

const flags = {
  ...CLUSTER_FLAGS,
  yes: booleanFlag('Install what is missing without asking', { char: 'y' }),
  demo: booleanFlag('Deploy a demo application, expose it and fetch it'),
  force: booleanFlag('Also take hosts that are nodes of another cluster, ssh driver'),
  'ask-sudo-password': booleanFlag('Ask for the password that sudo wants on the hosts, ssh driver'),
  keep: booleanFlag('When a step fails, keep what was made'),
  kubeconfig: booleanFlag('Write the cluster into $KUBECONFIG or ~/.kube/config; --kubeconfig=false does not', { default: true }),
  'switch-context': booleanFlag("Make the new cluster's context the current one; --switch-context=false does not", { default: true }),
  'dry-run': booleanFlag('Show what would be done, as slipway plan does, and do nothing'),
  prune: booleanFlag('With a file: drain and remove nodes that it has no more'),
  bundle: textFlag('Fetch nothing: take packages, Node.js and images from this file of `slipway bundle create`'),
  wait: booleanFlag('Also wait until all that runs in the cluster is ready; API and nodes are always waited for'),
  timeout: textFlag(
    'For the whole command: 90s, 10m; when it is over, what was made is taken back (--keep keeps it) and the exit code is 124',
  ),
  output: OUTPUT_FLAG,
} as const satisfies Flags;

export default class Up extends BaseCommand<typeof flags> {
  static override summary = 'Make a cluster, or bring one up to what is asked';
  static override usage = '[NAME] [flags]';
  static override description =
    'Makes machines, installs a control plane and node agents on them and waits until all is ready. Run again, it changes only what differs, adds the nodes that are missing and goes on after an interruption. Without a word of what it is to be, it asks; off a terminal it then names the flags, and makes nothing.';
  static override examples = [
    'slipway up demo --yes --demo',
    'slipway up big --nodes 4',
    'slipway up -f cluster.yaml',
    'slipway up lab --host root@192.0.2.11 --host root@192.0.2.12',
  ];
  static override flags = flags;
  static override graceful = true;

  async run(): Promise<void> {
    this.expectArgs({ max: 1 }, 'name of a cluster');
    const { flags: given } = this;
    const asked = (await this.isUntold()) ? await this.ask() : undefined;
    const said = wishesOf(this.args[0], given, this.given);
    const { wishes, overrides } = await readWishes(said, { file: asked?.path ?? given.file, stdin: this.io.stdin, applies: true });
    const fromFile = wishes.file?.content.spec;
    const over = <T>(flag: keyof typeof flags, value: T, ofFile: T | undefined): T => (this.given.has(flag) ? value : (ofFile ?? value));
    const options = {
      yes: given.yes || (asked?.install ?? false),
      keep: given.keep,
      force: given.force,
      sudoPassword: given['ask-sudo-password'] ? await (await import('../cli/ask.ts')).askSudoPassword(this.io) : undefined,
      prune: given.prune,
      demo: over('demo', given.demo, fromFile?.addons?.demo),
      mergeKubeconfig: over('kubeconfig', given.kubeconfig, fromFile?.kubeconfig?.merge),
      switchContext: over('switch-context', given['switch-context'], fromFile?.kubeconfig?.switchContext),
      bundle: given.bundle,
      wait: given.wait,
      timeoutMs: timeoutOf(given.timeout),
      notes: overrides,
      signal: this.signal,
    };
    if (given['dry-run']) {
      const { makePlan, planText } = await import('../provision/plan/index.ts');
      const plan = await withStatusLine(this.io, (report) => makePlan(wishes, { ...options, report }));
      this.io.out(given.output === 'json' ? `${JSON.stringify({ ...plan, overrides }, undefined, 2)}\n` : planText(plan, overrides));
      return;
    }
    const { up } = await import('../provision/jobs/up.ts');
    const job = up(wishes, { ...options, prune: given.prune || (await this.askToPrune(wishes)) });
    const result = await followJob(job, { io: this.io, json: given.output === 'json' });
    if (given.output === 'json') return;
    this.io.out(
      summaryOf(result, { demo: options.demo, merged: options.mergeKubeconfig, home: this.io.env['SLIPWAY_HOME'] ?? '~/.slipway' }),
    );
  }

  /** Nothing tells what the cluster is to be, and there is none that would be meant. */
  private async isUntold(): Promise<boolean> {
    if (tellsCluster(this, TELLING)) return false;
    const { clusterNames } = await import('../provision/state/cluster-state.ts');
    return !(await clusterNames()).includes(DEFAULT_NAME);
  }

  private async ask(): Promise<{ path: string; install: boolean }> {
    if (!this.io.interactive)
      throw nobodyToAsk('make a cluster', [
        'slipway up NAME --driver local --nodes 2 --yes',
        'slipway up -f FILE   # slipway init NAME -o FILE writes one',
        'slipway up --yes   # takes what is proposed: two nodes on this computer',
      ]);
    const [
      { upWizard },
      { openPrompts },
      { rankDrivers },
      { ANSWER_CHECKS },
      { fileOfWishes },
      { loadClusterFile },
      { makePlan, planText },
    ] = await Promise.all([
      import('../cli/up-wizard.ts'),
      import('../cli/prompts.ts'),
      import('../provision/rank-drivers.ts'),
      import('../provision/file/typed-answers.ts'),
      import('../provision/file/file-of-wishes.ts'),
      import('../provision/file/load-cluster-file.ts'),
      import('../provision/plan/index.ts'),
    ]);
    return upWizard(await openPrompts(this.io), {
      say: (text) => this.io.err(text),
      signal: this.signal,
      drivers: () => rankDrivers(),
      checks: ANSWER_CHECKS,
      fileOf: fileOfWishes,
      planOf: async (path) => {
        const { wishes } = await loadClusterFile(path, { flags: {}, stdin: this.io.stdin });
        const demo = wishes.file.content.spec.addons?.demo ?? false;
        const wanted = { yes: false, keep: false, demo, mergeKubeconfig: true, switchContext: true, signal: this.signal };
        const plan = await withStatusLine(this.io, (report) => makePlan(wishes, { ...wanted, report }));
        return {
          text: planText(plan),
          lacks: plan.problems.length > 0,
          mayInstall: plan.problems.every(({ packages }) => packages?.length),
        };
      },
    });
  }

  /** Nodes that a file has no more are removed by consent only: --prune, or a person's. */
  private async askToPrune(wishes: ClusterWishes): Promise<boolean> {
    if (!wishes.file || !this.io.interactive) return false;
    const { nodesToPrune } = await import('../provision/jobs/up.ts');
    const names = await nodesToPrune(wishes);
    if (!names.length) return false;
    const { openPrompts } = await import('../cli/prompts.ts');
    return (await openPrompts(this.io)).yes(`The file has ${names.join(', ')} no more. Drain and remove?`, { default: false });
  }
}

const DEFAULT_NAME = 'slipway';

/** Beside what says how large and where: consent to what is proposed, and what makes nothing. */
const TELLING: readonly (keyof typeof flags)[] = ['yes', 'demo', 'bundle', 'dry-run'];

const timeoutOf = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined;
  const milliseconds = durationMs(text);
  // Timers of more than 24 days end at once.
  if (milliseconds < 1 || milliseconds > 86_400_000) throw new UsageError(`--timeout is ${text}: it may be from 1ms to 24h`);
  return milliseconds;
};

export const summaryOf = (result: UpResult, { demo, merged, home }: { demo: boolean; merged: boolean; home: string }): string => {
  const nodes = result.nodes.map((node) => `${node.name} (${node.address})`).join(', ');
  const seconds = `${(result.milliseconds / 1000).toFixed(1)} s`;
  return `${result.changed ? `Cluster ${result.cluster} is ready (${seconds})` : `Cluster ${result.cluster} is unchanged`}: ${nodes}
API: ${result.server}${result.through ? ` by way of ${result.through.join(', ')}` : ''}, ${merged ? `kubeconfig context ${result.context}` : 'your kubeconfig is as it was'}

Next:
${
  merged
    ? ''
    : `  export KUBECONFIG=${home}/clusters/${result.cluster}/kubeconfig
`
}  slipway get pods -A
${demo ? '  slipway scale deployment demo --replicas=4\n' : '  slipway run web --image=registry.slipway.local/demo:1 --replicas=3 --port=8080\n'}${result.through ? `  slipway tunnel ${result.cluster}   # in a terminal of its own, for kubectl and helm; slipway itself needs it not\n` : ''}  slipway status ${result.cluster}
  slipway down ${result.cluster}
`;
};
