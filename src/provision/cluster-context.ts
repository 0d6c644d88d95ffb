import { SlipwayError } from '../base/errors/slipway-error.ts';
import type { Client } from '../client/client.ts';
import type { Machine } from '../drivers/driver.ts';
import type { Host } from '../hosts/host.ts';
import type { KeyPair } from '../pki/certificates.ts';
import type { ApiTunnel } from './api-tunnel.ts';
import type { OpenBundle } from './bundle/open-bundle.ts';
import type { ClusterDrivers } from './cluster-drivers.ts';
import { allDone } from './combine-errors.ts';
import { overLostConnections } from './over-lost-connections.ts';
import type { ClusterSpec, NodeSpec } from './spec/cluster-spec.ts';
import { API_PORT } from './spec/node-paths.ts';
import type { ClusterState, ClusterStateFolder } from './state/cluster-state.ts';
import type { FreshLeaf, LeafName } from './steps/node-leaves.ts';

/** What the steps of one run share. A step fills in what the steps that need it use. */
export interface ClusterContext {
  readonly spec: ClusterSpec;
  readonly folder: ClusterStateFolder;
  state: ClusterState;
  readonly drivers: ClusterDrivers;
  readonly signal: AbortSignal;
  readonly options: UpOptions;
  /** Nodes that this run adds. */
  readonly newNodes: readonly string[];
  /** Whether there was no such cluster before. */
  readonly isNew: boolean;
  machines: Map<string, Machine>;
  hosts: Map<string, Host>;
  /** Nodes whose machine was there and off: what the store says of them and their pods is of before, until their agent is heard from. */
  readonly woken: Set<string>;
  /** By woken node: when its lease was last renewed, as the API said in its first answer. */
  readonly lastHeard: Map<string, string | undefined>;
  /** Nodes whose host this run has marked as theirs. */
  readonly claimed: Set<string>;
  pki: ClusterPki | undefined;
  /** What to use instead of fetching anything. */
  bundle?: OpenBundle | undefined;
  /** Where the API is reached over SSH only. */
  tunnel: ApiTunnel | undefined;
  /** As the cluster's administrator. */
  client: Client | undefined;
  close: (() => Promise<void>)[];
}

type Given = 'spec' | 'folder' | 'state' | 'drivers' | 'signal' | 'options';

/** For a cluster that exists, before any step has run. */
export const clusterContext = (given: Pick<ClusterContext, Given> & Partial<ClusterContext>): ClusterContext => ({
  isNew: false,
  newNodes: [],
  machines: new Map(),
  hosts: new Map(),
  woken: new Set(),
  lastHeard: new Map(),
  claimed: new Set(),
  pki: undefined,
  tunnel: undefined,
  client: undefined,
  close: [],
  ...given,
});

export interface UpOptions {
  /** Install what is missing without asking. */
  yes: boolean;
  /** What was typed, where it was not `slipway up NAME`: for advice, which says what to add to it. */
  command?: string | undefined;
  /** Leave everything as it is when a step fails. */
  keep: boolean;
  demo: boolean;
  /** Also take hosts that are nodes of another cluster. */
  force?: boolean | undefined;
  /** Typed in for this run, where sudo asks for one. */
  sudoPassword?: string | undefined;
  /** Write the cluster into the user's kubeconfig. */
  mergeKubeconfig: boolean;
  switchContext: boolean;
  /** Also wait until everything that runs in the cluster is ready. */
  wait?: boolean | undefined;
  /** A file of `slipway bundle create`. */
  bundle?: string | undefined;
  /** For the whole job. */
  timeoutMs?: number | undefined;
  /** Every leaf certificate is issued anew. */
  renewCertificates?: boolean;
}

export interface ClusterPki {
  /** The one that signs. */
  authority: KeyPair;
  /** What all trust: the authority, and while it is being replaced the other one. */
  trustPem: string;
  admin: KeyPair;
  /** See `signingKeysIn` of pki/service-account-tokens.ts. */
  signingKeys: string;
  /** By node: certificates to be laid down. Those that the node has and that serve are not among them. */
  fresh: Map<string, Map<LeafName, FreshLeaf>>;
}

export const hostOf = (context: ClusterContext, node: NodeSpec): Host => {
  const host = context.hosts.get(node.name);
  if (!host) throw new SlipwayError('NODE_UNKNOWN', { tried: `work on ${node.name}`, cause: 'it has no machine yet' });
  return host;
};

/** For advice: what was typed, for more flags to be added. */
export const commandOf = ({ spec, options }: Pick<ClusterContext, 'spec' | 'options'>): string =>
  options.command ?? `slipway up ${spec.name}`;

export const addressOf = (context: ClusterContext, node: NodeSpec): string => {
  const address = context.machines.get(node.name)?.address ?? context.state.addresses[node.name];
  if (!address) throw new SlipwayError('NODE_UNKNOWN', { tried: `find the address of ${node.name}`, cause: 'it has no machine yet' });
  return address;
};

export const controlPlanes = (spec: ClusterSpec): NodeSpec[] => spec.nodes.filter((node) => node.controlPlane);

/** For this computer, where its network leads there. */
export const apiServers = (context: ClusterContext): string[] =>
  controlPlanes(context.spec).map((node) => externalApiServer(context, node));

/** For the agents of a node: those of its own driver's control planes are reached on the nodes' network. */
export const apiServersFor = (context: ClusterContext, node: NodeSpec): string[] =>
  controlPlanes(context.spec).map((server) =>
    server.driver === node.driver ? apiServer(addressOf(context, server), API_PORT) : externalApiServer(context, server),
  );

const externalApiServer = (context: ClusterContext, node: NodeSpec): string =>
  apiServerOf(context.machines.get(node.name) ?? { address: addressOf(context, node) });

/** Where this computer, and nodes of other drivers, reach the one on that machine. */
export const apiServerOf = ({
  address,
  externalAddress,
  forwardedPorts,
}: Pick<Machine, 'address' | 'externalAddress' | 'forwardedPorts'>): string =>
  apiServer(externalAddress ?? address, forwardedPorts?.[API_PORT] ?? API_PORT);

const apiServer = (address: string, port: number): string => `https://${address}:${port}`;

export const externalAddressOf = (context: ClusterContext, node: NodeSpec): string =>
  context.machines.get(node.name)?.externalAddress ?? addressOf(context, node);

/**
 * Runs on all nodes at once; answers whether any reports a change. A host that is lost on the way is waited for and its work done again from the
 * beginning, as what is done already changes nothing. All have ended before what failed is told, for all of them.
 */
export const onEveryNode = async (
  { signal }: Pick<ClusterContext, 'signal'>,
  nodes: readonly NodeSpec[],
  work: (node: NodeSpec) => Promise<{ changed: boolean }>,
): Promise<{ changed: boolean }> => {
  const results = await allDone(
    'finish the work on every node',
    nodes.map((node) => overLostConnections(() => work(node), { signal })),
  );
  return { changed: results.some(({ changed }) => changed) };
};

/** Whether a machine of the cluster is emulated: then all wait longer for each other. */
export const isSlow = (context: Pick<ClusterContext, 'machines'>): boolean => [...context.machines.values()].some(({ slow }) => slow);
