import { VERSION_ANNOTATION } from '../../api/config/agent-config.ts';
import { node as nodeKind } from '../../api/core/node.ts';
import type { Stored } from '../../api/meta/object.ts';
import type { Node } from '../../api/types/core-v1.ts';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { PRODUCT_VERSION } from '../../base/product.ts';
import type { ProgressEvent } from '../../base/progress.ts';
import type { Client } from '../../client/client.ts';
import { createClient } from '../../client/create-client.ts';
import { createRestTransport } from '../../client/rest/rest-transport.ts';
import type { Host } from '../../hosts/host.ts';
import { apiServers, type ClusterContext, hostOf } from '../cluster-context.ts';
import { openContext } from '../open-context.ts';
import type { NodeSpec } from '../spec/cluster-spec.ts';
import { NODE_PATHS, SERVICES } from '../spec/node-paths.ts';
import type { UpgradeState } from '../state/cluster-state.ts';
import { layAgent } from '../steps/agents.ts';
import { apiReady } from '../steps/api-ready.ts';
import { certificates } from '../steps/certificates.ts';
import { layContainerRuntime } from '../steps/container-runtime.ts';
import { layControlPlane } from '../steps/control-plane.ts';
import { requirePki } from '../steps/lay-files.ts';
import { requireClient } from '../steps/nodes-ready.ts';
import { layPrograms } from '../steps/programs.ts';
import { waitFor } from '../steps/wait.ts';
import { keepBefore, putBack, versionBefore } from '../upgrade/node-backup.ts';
import { type NodeVersions, planUpgrade, type UpgradeAction } from '../upgrade/plan-upgrade.ts';
import { restoreSnapshot, type Snapshot, takeSnapshot } from '../upgrade/store-snapshot.ts';
import { step } from './down.ts';
import { type Job, startJob } from './job.ts';
import { type OpenCluster, withCluster } from './power.ts';
import { drain } from './remove-node.ts';

export interface UpgradeOptions {
  signal: AbortSignal;
  /** Only tell what would be done. */
  dryRun: boolean;
  /** To the version before the last upgrade. */
  rollback: boolean;
  /** With `rollback`: the store too, as it was then; what was written since is lost. */
  restoreStore: boolean;
}

export interface UpgradeResult {
  cluster: string;
  version: string;
  actions: UpgradeAction[];
}

const HEALTHY_MS = 60_000;
/** A program that ends soon after it began is not healthy: it is looked at again after this. */
const STEADY_MS = 2500;

/**
 * Brings a cluster to the version of this program: a snapshot of the store, the control plane, then the nodes one after the other, each
 * drained, replaced, and taken up again once it is healthy. A step that fails is taken back with all before it. What was interrupted goes on.
 */
export const upgradeCluster = (name: string, options: UpgradeOptions): Job<UpgradeResult> =>
  startJob((push) =>
    withCluster(name, async (cluster) => {
      const { context, absent, close } = await openContext(cluster, { signal: options.signal, yes: true });
      try {
        const [first] = absent;
        if (first)
          throw new SlipwayError('HOST_UNREACHABLE', {
            tried: `upgrade ${name}`,
            cause: `${first.node.name} is not there: ${first.reason}`,
            advice: [`slipway start ${name}`],
          });
        await step(push, certificates, () => certificates.apply(context, () => {}));
        const reach = step(push, apiReady, () => apiReady.apply(context, () => {}));
        // A control plane that an upgrade has left broken is what this is to mend.
        await (options.rollback || cluster.state.upgrade ? reach.catch(() => openAnyway(context)) : reach);
        const run = new UpgradeRun({ cluster, context, push });
        return options.rollback ? await run.back(options) : await run.forth(options);
      } finally {
        await close();
      }
    }),
  );

/** For what can be asked once the control plane is back. */
const openAnyway = (context: ClusterContext): void => {
  const { trustPem, admin } = requirePki(context);
  const transport = createRestTransport({ servers: apiServers(context), ca: trustPem, cert: admin.certPem, key: admin.keyPem });
  context.close.push(() => transport.close());
  context.client = createClient(transport);
};

class UpgradeRun {
  readonly #cluster: OpenCluster;
  readonly #context: ClusterContext;
  readonly #push: (event: ProgressEvent) => void;
  #upgrade: UpgradeState | undefined;
  /** Nodes whose programs of before this run has kept. */
  readonly #kept = new Set<string>();

  constructor(parts: { cluster: OpenCluster; context: ClusterContext; push: (event: ProgressEvent) => void }) {
    this.#cluster = parts.cluster;
    this.#context = parts.context;
    this.#push = parts.push;
  }

  async forth({ dryRun }: UpgradeOptions): Promise<UpgradeResult> {
    const { spec } = this.#context;
    const nodes = await this.#versions();
    const actions = planUpgrade(spec.name, nodes, PRODUCT_VERSION);
    const result = { cluster: spec.name, version: PRODUCT_VERSION, actions };
    if (dryRun) return result;
    const from =
      this.#cluster.state.upgrade?.from ??
      nodes.find(({ controlPlane }) => controlPlane)?.server ??
      this.#cluster.state.programVersion ??
      '';
    if (actions.length) {
      await this.#begin({ from, to: PRODUCT_VERSION, startedAt: new Date().toISOString(), cordoned: [] });
      for (const action of actions) await this.#carryOut(action);
    }
    await this.#end(PRODUCT_VERSION);
    return result;
  }

  /** Agents first, since none may be newer than its server. */
  async back({ dryRun, restoreStore }: UpgradeOptions): Promise<UpgradeResult> {
    const { spec } = this.#context;
    const before = await Promise.all(spec.nodes.map(async (node) => ({ node, version: await versionBefore(hostOf(this.#context, node)) })));
    const nodes = await this.#versions();
    const version = before.find(({ node }) => node.controlPlane)?.version;
    if (!version)
      throw new SlipwayError('VERSION_SKEW', {
        tried: `take back the last upgrade of ${spec.name}`,
        cause: 'its control plane keeps no version from before one',
        advice: [`slipway status ${spec.name}`],
      });
    const differing = nodes.filter(
      (node) => node.agent !== version || node.laid !== version || (node.controlPlane && node.server !== version),
    );
    const actions: UpgradeAction[] = [
      ...differing.filter(({ agent }) => agent !== version).map(({ name, agent }) => ({ node: name, what: 'agent' as const, from: agent })),
      ...differing
        .filter(({ controlPlane }) => controlPlane)
        .map(({ name, server }) => ({ node: name, what: 'server' as const, from: server })),
    ];
    if (dryRun) return { cluster: spec.name, version, actions };
    await this.#begin({ from: version, to: PRODUCT_VERSION, startedAt: new Date().toISOString(), cordoned: [] });
    const named = (name: string): NodeSpec => spec.nodes.find((node) => node.name === name) as NodeSpec;
    await this.#takeBack(
      differing.map(({ name }) => named(name)),
      version,
      restoreStore,
    );
    await this.#end(version);
    return { cluster: spec.name, version, actions };
  }

  async #carryOut(action: UpgradeAction): Promise<void> {
    const { spec } = this.#context;
    const node = spec.nodes.find(({ name }) => name === action.node) as NodeSpec;
    const what =
      action.what === 'server'
        ? { name: 'upgrade-control-plane', title: `Upgrading the control plane on ${node.name}` }
        : { name: 'upgrade-node', title: `Upgrading ${node.name}` };
    try {
      await step(this.#push, what, () => (action.what === 'server' ? this.#server(node) : this.#agent(node)));
    } catch (error) {
      if (this.#context.signal.aborted) throw error;
      const { from } = this.#upgrade ?? { from: '' };
      this.#push({ type: 'warning', message: `The upgrade failed and is taken back to ${from}.` });
      await this.#takeBack(spec.nodes, from, false);
      await this.#end(from);
      const cause = error instanceof SlipwayError ? error : undefined;
      throw new SlipwayError('UPGRADE_FAILED', {
        tried: `upgrade ${spec.name} to ${PRODUCT_VERSION}`,
        cause: `${what.title} failed (${error instanceof Error ? error.message : String(error)}); everything was put back, and ${from} runs`,
        logLines: cause?.logLines ?? [],
        advice: [
          `slipway status ${spec.name}`,
          `slipway logs-of ${node.name} ${action.what === 'server' ? SERVICES.server : SERVICES.agent}`,
        ],
      });
    }
  }

  async #server(node: NodeSpec): Promise<void> {
    const host = hostOf(this.#context, node);
    await this.#keep(node);
    await layPrograms(this.#context, node, this.#detail('upgrade-control-plane'));
    // Stopped, so that nothing is acknowledged that the snapshot lacks.
    await host.services.stop(SERVICES.server);
    await this.#snapshot(host).catch(async (error: unknown) => {
      await host.services.start(SERVICES.server);
      throw error;
    });
    await layControlPlane(this.#context, node);
    await this.#awaitServer(node, PRODUCT_VERSION);
  }

  async #snapshot(host: Host): Promise<void> {
    const known = await this.#snapshotOf(host);
    // That of before an interruption stands: since then the store may have another layout.
    if (this.#cluster.state.upgrade && known?.to === PRODUCT_VERSION) return;
    const snapshot = await takeSnapshot(host, `before-${PRODUCT_VERSION}`);
    await host.writeFile(SNAPSHOT_RECORD, `${JSON.stringify({ ...snapshot, to: PRODUCT_VERSION })}\n`, { mode: 0o600 });
  }

  async #snapshotOf(host: Host): Promise<(Snapshot & { to: string }) | undefined> {
    const record = (await host.readFile(SNAPSHOT_RECORD))?.toString();
    return record ? (JSON.parse(record) as Snapshot & { to: string }) : undefined;
  }

  async #keep(node: NodeSpec): Promise<void> {
    if (this.#kept.has(node.name)) return;
    await keepBefore(hostOf(this.#context, node), this.#upgrade?.from ?? '', { resumed: this.#cluster.state.upgrade !== undefined });
    this.#kept.add(node.name);
  }

  async #agent(node: NodeSpec): Promise<void> {
    const client = requireClient(this.#context);
    const hasOthers = this.#context.spec.nodes.length > 1;
    const { spec: found } = await client.get<Stored<Node>>(nodeKind, { name: node.name });
    const mayCordon = !found?.unschedulable;
    if (hasOthers) {
      if (mayCordon) await this.#remember({ cordoned: [...(this.#upgrade?.cordoned ?? []), node.name] });
      await drain(client, node.name, this.#context.signal);
    }
    await this.#keep(node);
    await layPrograms(this.#context, node, this.#detail('upgrade-node'));
    await layContainerRuntime(this.#context, node);
    await layAgent(this.#context, node);
    await this.#awaitAgent(node, PRODUCT_VERSION);
    await this.#uncordon(client, [node.name]);
  }

  async #takeBack(nodes: readonly NodeSpec[], version: string, restoreStore: boolean): Promise<void> {
    const agents = nodes.toSorted((a, b) => Number(a.controlPlane) - Number(b.controlPlane));
    await step(this.#push, { name: 'roll-back', title: `Putting ${version} back` }, async () => {
      for (const node of agents) {
        const host = hostOf(this.#context, node);
        if ((await versionBefore(host)) !== version) continue;
        const laid = (await host.readFile(NODE_PATHS.version))?.toString().trim();
        await putBack(host);
        if (node.controlPlane) {
          await host.services.stop(SERVICES.server);
          const snapshot = await this.#snapshotOf(host);
          const restored = snapshot ? await restoreSnapshot(host, snapshot, { always: restoreStore }) : false;
          if (restored) this.#push({ type: 'warning', message: 'The store is as it was before the upgrade.' });
          await host.services.restart(SERVICES.server);
          await this.#awaitServer(node, version);
        }
        if (laid !== version || node.controlPlane) await host.services.restart(SERVICES.agent);
      }
      for (const node of agents) await this.#awaitAgent(node, version);
      await this.#uncordon(requireClient(this.#context), this.#upgrade?.cordoned ?? []);
    });
  }

  async #awaitServer(node: NodeSpec, version: string): Promise<void> {
    // A connection of its own: that of before may lie to the server that has gone.
    const { trustPem, admin } = requirePki(this.#context);
    const transport = createRestTransport({
      servers: apiServers(this.#context),
      ca: trustPem,
      cert: admin.certPem,
      key: admin.keyPem,
      connectTimeoutMs: 2000,
    });
    try {
      await this.#steadily(`see the control plane of ${node.name} healthy in version ${version}`, node, SERVICES.server, async () => {
        const { body } = await transport.send({ method: 'GET', path: '/version' });
        const { slipwayVersion } = body as { slipwayVersion?: string };
        if (slipwayVersion !== version) throw new Error(`version ${slipwayVersion} answers`);
        return (await transport.send({ method: 'GET', path: '/readyz' })).status === 200;
      });
    } finally {
      await transport.close();
    }
  }

  async #awaitAgent(node: NodeSpec, version: string): Promise<void> {
    const client = requireClient(this.#context);
    await this.#steadily(`see ${node.name} Ready in version ${version}`, node, SERVICES.agent, async () => {
      const { metadata, status } = await client.get<Stored<Node>>(nodeKind, { name: node.name });
      const agent = metadata.annotations?.[VERSION_ANNOTATION];
      if (agent !== version) throw new Error(`its agent is of version ${agent}`);
      return status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false;
    });
  }

  /** Holds, and holds still a while later. */
  async #steadily(tried: string, node: NodeSpec, service: string, holds: () => Promise<boolean>): Promise<void> {
    const { signal } = this.#context;
    let since: number | undefined;
    await waitFor(
      async () => {
        const isWell = await holds().catch((error: unknown) => {
          since = undefined;
          throw error;
        });
        since = isWell ? (since ?? Date.now()) : undefined;
        return since !== undefined && Date.now() - since >= STEADY_MS ? true : undefined;
      },
      { signal, timeoutMs: HEALTHY_MS, tried, logs: { host: hostOf(this.#context, node), service } },
    );
  }

  async #uncordon(client: Client, names: readonly string[]): Promise<void> {
    for (const name of names)
      if (this.#upgrade?.cordoned.includes(name))
        await client.patch(nodeKind, { name }, { spec: { unschedulable: null } }, { type: 'application/merge-patch+json' });
    await this.#remember({ cordoned: (this.#upgrade?.cordoned ?? []).filter((name) => !names.includes(name)) });
  }

  async #versions(): Promise<NodeVersions[]> {
    const client = requireClient(this.#context);
    // Nobody answers where an interrupted upgrade left the control plane broken.
    const { items } = await client.list<Stored<Node>>(nodeKind).catch(() => ({ items: [] as Stored<Node>[] }));
    const { trustPem, admin } = requirePki(this.#context);
    return Promise.all(
      this.#context.spec.nodes.map(async (node) => {
        const laid = (await hostOf(this.#context, node).readFile(NODE_PATHS.version))?.toString().trim();
        const agent = items.find(({ metadata }) => metadata.name === node.name)?.metadata.annotations?.[VERSION_ANNOTATION];
        if (!node.controlPlane) return { name: node.name, controlPlane: false, laid, agent };
        const transport = createRestTransport({ servers: apiServers(this.#context), ca: trustPem, cert: admin.certPem, key: admin.keyPem });
        try {
          const answer = await transport.send({ method: 'GET', path: '/version' }).catch(() => undefined);
          return {
            name: node.name,
            controlPlane: true,
            laid,
            agent,
            server: (answer?.body as { slipwayVersion?: string } | undefined)?.slipwayVersion,
          };
        } finally {
          await transport.close();
        }
      }),
    );
  }

  async #begin(upgrade: UpgradeState): Promise<void> {
    const known = this.#cluster.state.upgrade;
    this.#upgrade = known ? { ...upgrade, cordoned: known.cordoned } : upgrade;
    await this.#save();
  }

  async #remember(change: Partial<UpgradeState>): Promise<void> {
    if (!this.#upgrade) return;
    this.#upgrade = { ...this.#upgrade, ...change };
    await this.#save();
  }

  async #save(): Promise<void> {
    const { folder, state } = this.#cluster;
    await folder.write({ ...state, upgrade: this.#upgrade });
  }

  async #end(version: string): Promise<void> {
    const { folder, state } = this.#cluster;
    const { upgrade: _, ...rest } = state;
    this.#upgrade = undefined;
    await folder.write({ ...rest, programVersion: version });
  }

  #detail(name: string): (detail: string) => void {
    return (detail) => this.#push({ type: 'step-detail', step: name, detail });
  }
}

/** Beside the snapshot: what a roll-back needs to know of it. */
const SNAPSHOT_RECORD = `${NODE_PATHS.data}/snapshots/last.json`;
