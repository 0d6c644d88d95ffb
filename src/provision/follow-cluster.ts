import { setTimeout as delay } from 'node:timers/promises';
import { node as nodeKind } from '../api/core/node.ts';
import type { Stored } from '../api/meta/object.ts';
import type { Node } from '../api/types/core-v1.ts';
import { SlipwayError } from '../base/errors/slipway-error.ts';
import { createClient } from '../client/create-client.ts';
import { API_SERVER_NAME, findApiServers, isApiServer } from '../client/discovery/find-api-servers.ts';
import { createRestTransport } from '../client/rest/rest-transport.ts';
import { movedHost } from '../hosts/ssh/ssh-target.ts';
import type { KeyPair } from '../pki/certificates.ts';
import { connectionOf, parseKubeconfig } from '../pki/kubeconfig.ts';
import { adminPair, readAuthorities, writeKubeconfigs } from './admin-access.ts';
import { LOGIN_MS, openApiTunnel, passageToApi, tunnelAccess, tunnelPortFor } from './api-tunnel.ts';
import { apiServerOf } from './cluster-context.ts';
import { type ClusterDrivers, openDrivers } from './cluster-drivers.ts';
import type { NodeSpec } from './spec/cluster-spec.ts';
import { type ClusterState, ClusterStateFolder } from './state/cluster-state.ts';

export interface Followed {
  /** Kubeconfigs were. */
  changed: boolean;
  /** The API is reached over SSH only. */
  isTunnelled: boolean;
}

/** A removal that was interrupted has yet to find its hosts. */
const MAY_HAVE_MOVED: ReadonlySet<ClusterState['phase']> = new Set(['ready', 'deleting']);
const SETTLE_MS = 20_000;
/** Nodes that have told no other address after so long have kept theirs. */
const MOVING_MS = 10 * 60_000;

/**
 * Brings this client's way into a cluster up to date: renews the administrator's certificate when it nears its end and, when nobody answers
 * where the API server was, finds where it is now: by what the drivers know, then by asking the network. Only who proves to be an API server of this
 * cluster is believed. Then the kubeconfigs and the addresses of the nodes are changed. Where hosts are reached by way of others, the last that is tried
 * is the API over SSH: from then on the kubeconfig names the port of `slipway tunnel`, until `up` finds the API directly. Does nothing for a cluster that
 * another client made.
 */
export const followCluster = async (name: string): Promise<Followed> => {
  const folder = new ClusterStateFolder(name);
  const [state, authorities] = await Promise.all([folder.read(), readAuthorities(folder)]);
  const kubeconfig = await folder.readFile('kubeconfig');
  if (!state || !authorities || !kubeconfig || !MAY_HAVE_MOVED.has(state.phase))
    return { changed: false, isTunnelled: Boolean(state?.tunnelPort) };
  const { trustPem, authority } = authorities;
  const known = (await connectionOf(parseKubeconfig(kubeconfig, `${folder.path}/kubeconfig`))).server;
  const { pair } = await adminPair(folder, { spec: state.spec, authority });
  const write = async (access: { server: string; tlsServerName?: string }, isTunnelled = false): Promise<Followed> => ({
    ...(await writeKubeconfigs(folder, { cluster: name, ...access, trustPem, admin: pair }, { merge: 'known', makeCurrent: false })),
    isTunnelled,
  });
  // Nothing is to be found on this computer's networks then.
  if (state.tunnelPort) return write(tunnelAccess(state.tunnelPort), true);
  let server = known;
  const answers = await isApiServer(known, { trustPem });
  if (!answers || state.movingSince) {
    const drivers = openDrivers(state.spec, { folder, dataDir: state.dataDir });
    server = answers ? known : ((await serverElsewhere({ nodes: state.spec.nodes, drivers, trustPem })) ?? known);
    if (!answers && server === known && (await answersOverSsh(state.spec, { drivers, trustPem }))) {
      const tunnelPort = tunnelPortFor(name);
      return (await remember(folder, tunnelPort)) ? write(tunnelAccess(tunnelPort), true) : { changed: false, isTunnelled: true };
    }
    const patienceMs = server === known ? 0 : SETTLE_MS;
    // Where the server is now must not be known before where its nodes are: nobody would look for them any more.
    if ((answers || server !== known) && !(await learnAddresses({ folder, state, drivers, server, trustPem, admin: pair, patienceMs })))
      return { changed: false, isTunnelled: false };
  }
  return write({ server });
};

const answersOverSsh = async (
  spec: ClusterState['spec'],
  { drivers, trustPem }: { drivers: ClusterDrivers; trustPem: string },
): Promise<boolean> => {
  const passage = await passageToApi(spec, drivers);
  if (!passage) return false;
  const tunnel = await openApiTunnel(passage);
  try {
    return await isApiServer(tunnelAccess(tunnel.port).server, { trustPem, timeoutMs: LOGIN_MS });
  } finally {
    await tunnel.close();
  }
};

/** Undefined where another command holds it, or this one already: who changes the cluster now writes the state, and the next command remembers. */
const lockUnlessHeld = (folder: ClusterStateFolder): (() => void) | undefined => {
  try {
    return folder.lock();
  } catch (error) {
    if (error instanceof SlipwayError && error.code === 'STATE_LOCKED') return undefined;
    throw error;
  }
};

/** Answers whether it could. */
const remember = async (folder: ClusterStateFolder, tunnelPort: number): Promise<boolean> => {
  const unlock = lockUnlessHeld(folder);
  if (!unlock) return false;
  try {
    // Another command may have changed it while the API was looked for, or taken the cluster away.
    const now = await folder.read();
    if (!now) return false;
    await folder.write({ ...now, tunnelPort });
    return true;
  } finally {
    unlock();
  }
};

/** Where the drivers have the control planes, then where the network says. Undefined: nowhere, or it is off. */
export const serverElsewhere = async (cluster: {
  nodes: readonly NodeSpec[];
  drivers: Pick<ClusterDrivers, 'describe'>;
  trustPem: string;
}): Promise<string | undefined> => {
  const { nodes, drivers, trustPem } = cluster;
  const machines = await Promise.all(nodes.filter((node) => node.controlPlane).map((node) => drivers.describe(node)));
  // Nothing is to be found while the control plane is off, and the search would take its time.
  if (machines.every((machine) => machine?.state !== 'running')) return undefined;
  const urls = machines.flatMap((machine) => (machine ? [apiServerOf(machine)] : []));
  for (const url of urls) if (await isApiServer(url, { trustPem })) return url;
  const [found] = await findApiServers({ trustPem });
  return found;
};

/** The addresses that the cluster itself gives its nodes, for the drivers and for the saved state. False: it is for the next command, as another changes the cluster now. */
const learnAddresses = async (cluster: {
  folder: ClusterStateFolder;
  state: ClusterState;
  drivers: ClusterDrivers;
  server: string;
  trustPem: string;
  admin: KeyPair;
  /** How long nodes that have not told theirs yet are waited for. */
  patienceMs: number;
}): Promise<boolean> => {
  const { folder, state, drivers, server, trustPem, admin, patienceMs } = cluster;
  const transport = createRestTransport({
    servers: [server],
    ca: trustPem,
    cert: admin.certPem,
    key: admin.keyPem,
    serverName: API_SERVER_NAME,
  });
  try {
    const client = createClient(transport);
    const since = state.movingSince ?? new Date().toISOString();
    // Ready is what a node was when it was last heard of: only an address that is another says that it has been heard of since.
    const { moves, isSettled } = await waitForMoves(patienceMs, async () => {
      const { items } = await client.list<Stored<Node>>(nodeKind, { signal: AbortSignal.timeout(5000) });
      const found = movesOf(state, items);
      return { moves: found, isSettled: found.length === state.spec.nodes.length && items.every(isReady) };
    });
    const isMoving = !isSettled && Date.now() - Date.parse(since) < MOVING_MS;
    if (!moves.length && isMoving === Boolean(state.movingSince)) return true;
    const unlock = lockUnlessHeld(folder);
    if (!unlock) return false;
    try {
      // Another command may have changed it while the nodes were asked, or taken the cluster away.
      const now = await folder.read();
      if (!now || !MAY_HAVE_MOVED.has(now.phase)) return false;
      await moveTo(drivers, state.spec, moves);
      const moveOf = new Map(moves.map((move) => [move.name, move]));
      const addresses = Object.fromEntries(Object.entries(now.addresses).map(([name, address]) => [name, moveOf.get(name)?.to ?? address]));
      const nodes = now.spec.nodes.map((node) => withHost(node, moveOf.get(node.name)));
      await folder.write({ ...now, spec: { ...now.spec, nodes }, addresses, movingSince: isMoving ? since : undefined });
      return true;
    } finally {
      unlock();
    }
  } finally {
    await transport.close();
  }
};

interface Move {
  name: string;
  driver: string;
  from: string;
  to: string;
}

const movesOf = (state: ClusterState, items: readonly Stored<Node>[]): Move[] =>
  state.spec.nodes.flatMap(({ name, driver }) => {
    const from = state.addresses[name];
    const to = items.find(({ metadata }) => metadata.name === name)?.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address;
    return from && to && from !== to ? [{ name, driver, from, to }] : [];
  });

const isReady = ({ status }: Stored<Node>): boolean =>
  status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false;

/** Nodes tell their new addresses one after the other: those that are slow are waited for, but not forever. */
const waitForMoves = async (
  patienceMs: number,
  look: () => Promise<{ moves: Move[]; isSettled: boolean }>,
): Promise<{ moves: Move[]; isSettled: boolean }> => {
  for (const deadline = Date.now() + patienceMs; ; await delay(200)) {
    const found = await look();
    if (found.isSettled || Date.now() >= deadline) return found;
  }
};

const moveTo = async (drivers: ClusterDrivers, spec: ClusterState['spec'], moves: readonly Move[]): Promise<void> => {
  for (const name of new Set(moves.map(({ driver }) => driver))) {
    const own = moves.filter(({ driver }) => driver === name);
    await (await drivers.named(name)).moved?.(
      own.map(({ name: node, from, to }) => ({ id: { cluster: spec.name, name: node }, from, to })),
    );
  }
};

/** A host that was given by its address is knocked at under the new one, and so is its address on the nodes' network that of now. */
const withHost = (node: NodeSpec, move: Move | undefined): NodeSpec => {
  const { host, address } = node.settings;
  if (!move || typeof host !== 'string') return node;
  return { ...node, settings: { ...node.settings, host: movedHost(host, move), ...(address === move.from ? { address: move.to } : {}) } };
};
