import { SlipwayError } from '../base/errors/slipway-error.ts';
import { booleanFlag, type Flags, integerFlag, listFlag, textFlag, type Values } from './args/flags.ts';

/** What a cluster is to be, for commands that make, plan or write one down. With `-f` they stand over what the file says. */
export const CLUSTER_FLAGS = {
  file: textFlag('Cluster file: docs/reference/cluster-file.md; - for stdin', { char: 'f' }),
  driver: textFlag(
    'What makes the machines: local (sandboxes on this host), ssh (hosts that you have), or another that slipway init tells [local]',
  ),
  nodes: integerFlag('Number of all nodes [2]'),
  'control-planes': integerFlag('How many of them carry the control plane [1]'),
  'dedicated-control-planes': booleanFlag('Control-plane nodes take no workloads'),
  cpus: integerFlag('CPUs of each node [all of the host]'),
  memory: integerFlag('Memory of each node in MiB [all of the host]'),
  subnet: textFlag('Network of the nodes, for drivers on this computer: 10.200.1.0/24 [a free one]'),
  host: listFlag('Host for a node, ssh driver: user@address:port; once for each node'),
  'identity-file': textFlag('Private key for the hosts, ssh driver [agent, then ~/.ssh]', { char: 'i' }),
  'jump-host': textFlag('Reach the hosts through this one, ssh driver: user@address:port'),
} as const satisfies Flags;

/** What was said, by the names that provisioning has for it. */
export const wishesOf = (name: string | undefined, flags: Values<typeof CLUSTER_FLAGS>, given: ReadonlySet<string>) => ({
  name,
  driver: flags.driver,
  nodes: flags.nodes,
  controlPlanes: flags['control-planes'],
  dedicatedControlPlanes: given.has('dedicated-control-planes') ? flags['dedicated-control-planes'] : undefined,
  cpus: flags.cpus,
  memoryMiB: flags.memory,
  subnet: flags.subnet,
  hosts: flags.host,
  identityFile: flags['identity-file'],
  jumpHost: flags['jump-host'],
});

/** Whether a command line tells anything of the cluster. Flags that tell how to go about it (a time limit, an output format) do not. */
export const tellsCluster = (
  { args, given }: { args: readonly string[]; given: ReadonlySet<string> },
  more: readonly string[] = [],
): boolean => args.length > 0 || [...Object.keys(CLUSTER_FLAGS), ...more].some((flag) => given.has(flag));

/** For a command line that tells nothing, where there is nobody to ask: a cluster that nobody described is not guessed. */
export const nobodyToAsk = (tried: string, advice: readonly string[]): SlipwayError =>
  new SlipwayError('USAGE', { tried, cause: 'nothing says what it is to be, and there is no terminal to ask on', advice });
