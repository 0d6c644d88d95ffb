import { booleanFlag, type Flags, integerFlag, listFlag, textFlag } from '../cli/args/flags.ts';
import { BaseCommand, OUTPUT_FLAG } from '../cli/base-command.ts';
import { followJob } from '../cli/progress/follow-job.ts';
import type { UpResult } from '../provision/jobs/up.ts';

const flags = {
  driver: textFlag('What makes the machines: local (sandboxes on this host) or ssh (hosts that you have)'),
  nodes: integerFlag('Number of all nodes [2]'),
  'control-planes': integerFlag('How many of them carry the control plane [1]'),
  'dedicated-control-planes': booleanFlag('Control-plane nodes take no workloads'),
  cpus: integerFlag('CPUs of each node [all of the host]'),
  memory: integerFlag('Memory of each node in MiB [all of the host]'),
  subnet: textFlag('Network of the nodes, local driver: 10.200.1.0/24 [a free one]'),
  host: listFlag('Host for a node, ssh driver: user@address:port; once for each node'),
  'identity-file': textFlag('Private key for the hosts, ssh driver [agent, then ~/.ssh]', { char: 'i' }),
  'jump-host': textFlag('Reach the hosts through this one, ssh driver: user@address:port'),
  yes: booleanFlag('Install what is missing without asking', { char: 'y' }),
  demo: booleanFlag('Deploy a demo application, expose it and fetch it'),
  keep: booleanFlag('When a step fails, keep what was made'),
  kubeconfig: booleanFlag('Write the cluster into $KUBECONFIG or ~/.kube/config; --kubeconfig=false does not', { default: true }),
  'switch-context': booleanFlag("Make the new cluster's context the current one; --switch-context=false does not", { default: true }),
  output: OUTPUT_FLAG,
} as const satisfies Flags;

export default class Up extends BaseCommand<typeof flags> {
  static override summary = 'Make a cluster, or bring one up to what is asked';
  static override usage = '[NAME] [flags]';
  static override description =
    'Makes machines, installs a control plane and node agents on them and waits until all is ready. Run again, it changes only what differs, adds the nodes that are missing and goes on after an interruption.';
  static override examples = [
    'slipway up demo --yes --demo',
    'slipway up big --nodes 4',
    'slipway up lab --host root@192.0.2.11 --host root@192.0.2.12',
  ];
  static override flags = flags;
  static override graceful = true;

  async run(): Promise<void> {
    this.expectArgs({ max: 1 }, 'name of a cluster');
    const { up } = await import('../provision/jobs/up.ts');
    const { flags: given } = this;
    const job = up(
      {
        name: this.args[0] ?? 'slipway',
        driver: given.driver,
        nodes: given.nodes,
        controlPlanes: given['control-planes'],
        dedicatedControlPlanes: this.given.has('dedicated-control-planes') ? given['dedicated-control-planes'] : undefined,
        cpus: given.cpus,
        memoryMiB: given.memory,
        subnet: given.subnet,
        hosts: given.host,
        identityFile: given['identity-file'],
        jumpHost: given['jump-host'],
      },
      {
        yes: given.yes,
        keep: given.keep,
        demo: given.demo,
        mergeKubeconfig: given.kubeconfig,
        switchContext: given['switch-context'],
        signal: this.signal,
      },
    );
    const result = await followJob(job, { io: this.io, json: given.output === 'json' });
    if (given.output === 'json') return;
    this.io.out(summaryOf(result, { demo: given.demo, merged: given.kubeconfig, home: this.io.env['SLIPWAY_HOME'] ?? '~/.slipway' }));
  }
}

export const summaryOf = (result: UpResult, { demo, merged, home }: { demo: boolean; merged: boolean; home: string }): string => {
  const nodes = result.nodes.map((node) => `${node.name} (${node.address})`).join(', ');
  const seconds = `${(result.milliseconds / 1000).toFixed(1)} s`;
  return `${result.changed ? `Cluster ${result.cluster} is ready (${seconds})` : `Cluster ${result.cluster} is unchanged`}: ${nodes}
API: ${result.server}, ${merged ? `kubeconfig context ${result.context}` : 'your kubeconfig is as it was'}

Next:
${
  merged
    ? ''
    : `  export KUBECONFIG=${home}/clusters/${result.cluster}/kubeconfig
`
}  slipway get pods -A
${demo ? '  slipway scale deployment demo --replicas=4\n' : '  slipway run web --image=registry.slipway.local/demo:1 --replicas=3 --port=8080\n'}  slipway status ${result.cluster}
  slipway down ${result.cluster}
`;
};
