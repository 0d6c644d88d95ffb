import { node as nodeKind } from '../../api/core/node.ts';
import type { Stored } from '../../api/meta/object.ts';
import type { Node } from '../../api/types/core-v1.ts';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { PRODUCT_VERSION } from '../../base/product.ts';
import type { ProgressEvent } from '../../base/progress.ts';
import type { Client } from '../../client/client.ts';
import { createClient } from '../../client/create-client.ts';
import type { Host } from '../../hosts/host.ts';
import { adminTransport } from '../admin-transport.ts';
import { type ClusterContext, controlPlanes, hostOf } from '../cluster-context.ts';
import { openContext } from '../open-context.ts';
import type { NodeSpec } from '../spec/cluster-spec.ts';
import { NODE_PATHS, SERVICES } from '../spec/node-paths.ts';
import type { ClusterState, UpgradeState } from '../state/cluster-state.ts';
import { layAgent } from '../steps/agents.ts';
import { apiReady } from '../steps/api-ready.ts';
import { certificates } from '../steps/certificates.ts';
import { layContainerRuntime } from '../steps/container-runtime.ts';
import { layControlPlane } from '../steps/control-plane.ts';
import { requireClient } from '../steps/nodes-ready.ts';
import { layPrograms } from '../steps/programs.ts';
import { awaitAgent, awaitServer } from '../upgrade/await-healthy.ts';
import { backupId, keepBefore, putBack, versionBefore } from '../upgrade/node-backup.ts';
import { type NodeVersions, planUpgrade, type UpgradeAction } from '../upgrade/plan-upgrade.ts';
import { readVersions } from '../upgrade/read-versions.ts';
import { restoreSnapshot, type Snapshot, takeSnapshot, verifySnapshot } from '../upgrade/store-snapshot.ts';
import { step } from './down.ts';
import { type Job, startJob } from './job.ts';
import { withReachedCluster } from './power.ts';
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

/**
 * Brings a cluster to the version of this program: a snapshot of the store, the control plane, then the nodes one after the other, each
 * drained, replaced, and taken up again once it is healthy. A step that fails is taken back with all before it. What was interrupted goes on.
 */
export const upgradeCluster = (name: string, options: UpgradeOptions): Job<UpgradeResult> =>
  startJob((push) =>
    withReachedCluster(name, async (cluster) => {
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
        // A control plane that an upgrade has left broken is what this is to mend; for one that it has left stopped nobody waits.
        const mayBeBroken = options.rollback || cluster.state.upgrade !== undefined;
        if (mayBeBroken && (await isServerStopped(context))) openAnyway(context);
        else
          await step(push, apiReady, () => apiReady.apply(context, () => {})).catch((error: unknown) => {
            if (!mayBeBroken) throw error;
            openAnyway(context);
          });
        const run = new UpgradeRun({ context, push });
        return options.rollback ? await run.back(options) : await run.forth(options);
      } finally {
        await close();
      }
    }),
  );

const isServerStopped = async (context: ClusterContext): Promise<boolean> => {
  const states = await Promise.all(controlPlanes(context.spec).map((node) => hostOf(context, node).services.status(SERVICES.server)));
  return states.includes('stopped');
};

/** For what can be asked once the control plane is back. */
const openAnyway = (context: ClusterContext): void => {
  const transport = adminTransport(context);
  context.close.push(() => transport.close());
  context.client = createClient(transport);
};

class UpgradeRun {
  readonly #context: ClusterContext;
  readonly #push: (event: ProgressEvent) => void;
  #upgrade: UpgradeState | undefined;
  /** Nodes whose programs of before this run has kept. */
  readonly #kept = new Set<string>();

  constructor(parts: { context: ClusterContext; push: (event: ProgressEvent) => void }) {
    this.#context = parts.context;
    this.#push = parts.push;
  }

  async forth({ dryRun }: UpgradeOptions): Promise<UpgradeResult> {
    const { spec } = this.#context;
    const nodes = await readVersions(this.#context);
    const actions = planUpgrade(spec.name, nodes, PRODUCT_VERSION);
    const result = { cluster: spec.name, version: PRODUCT_VERSION, actions };
    if (dryRun) return result;
    const from =
      this.#context.state.upgrade?.from ??
      nodes.find(({ controlPlane }) => controlPlane)?.server ??
      this.#context.state.programVersion ??
      '';
    if (actions.length || this.#context.state.upgrade) {
      await this.#begin({ from, to: PRODUCT_VERSION, startedAt: new Date().toISOString(), cordoned: [] });
      for (const action of actions) await this.#carryOut(action);
      // What a run that was killed has cordoned is not always among the actions of this one.
      await this.#uncordon(requireClient(this.#context), this.#upgrade?.cordoned ?? []);
    }
    await this.#end(PRODUCT_VERSION);
    return result;
  }

  /** Agents first, since none may be newer than its server. */
  async back({ dryRun, restoreStore }: UpgradeOptions): Promise<UpgradeResult> {
    const { spec } = this.#context;
    const before = await Promise.all(spec.nodes.map(async (node) => ({ node, version: await versionBefore(hostOf(this.#context, node)) })));
    const nodes = await readVersions(this.#context);
    // An upgrade that was interrupted at its very beginning has kept nothing yet, and changed nothing.
    const version = this.#context.state.upgrade?.from || before.find(({ node }) => node.controlPlane)?.version;
    if (!version)
      throw new SlipwayError('VERSION_SKEW', {
        tried: `take back the last upgrade of ${spec.name}`,
        cause: 'its control plane keeps no version from before one',
        advice: [`slipway status ${spec.name}`],
      });
    const differing = nodes.filter(
      (node) => node.agent !== version || node.laid !== version || (node.controlPlane && (restoreStore || node.server !== version)),
    );
    const actions: UpgradeAction[] = [
      ...differing.filter(({ agent }) => agent !== version).map(({ name, agent }) => ({ node: name, what: 'agent' as const, from: agent })),
      ...differing
        .filter(({ controlPlane }) => controlPlane)
        .map(({ name, server }) => ({ node: name, what: 'server' as const, from: server })),
    ];
    if (dryRun) return { cluster: spec.name, version, actions };
    const snapshots = await this.#snapshots(differing, restoreStore);
    await this.#begin({ from: version, to: PRODUCT_VERSION, startedAt: new Date().toISOString(), cordoned: [] });
    await this.#takeBack(differing, version, { snapshots, always: restoreStore });
    await this.#end(version);
    return { cluster: spec.name, version, actions };
  }

  async #carryOut(action: UpgradeAction): Promise<void> {
    const { spec } = this.#context;
    const node = this.#named(action.node);
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
      const failure = `${what.title} failed (${reasonOf(error)})`;
      const logLines = error instanceof SlipwayError ? error.logLines : [];
      const tried = `upgrade ${spec.name} to ${PRODUCT_VERSION}`;
      try {
        const found = await readVersions(this.#context);
        await this.#takeBack(found, from, { snapshots: await this.#snapshots(found, false), always: false });
        await this.#end(from);
      } catch (second) {
        if (this.#context.signal.aborted) throw second;
        throw new SlipwayError('UPGRADE_FAILED', {
          tried,
          cause: `${failure}; and ${from} could not be put back (${reasonOf(second)})`,
          logLines: [...logLines, ...(second instanceof SlipwayError ? second.logLines : [])],
          advice: [`slipway upgrade ${spec.name} --rollback   # once that is mended`, `slipway doctor`],
        });
      }
      throw new SlipwayError('UPGRADE_FAILED', {
        tried,
        cause: `${failure}; everything was put back, and ${from} runs`,
        logLines,
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
      // The new program must not change a store of which there is no copy.
      await putBack(host);
      await host.services.start(SERVICES.server);
      throw error;
    });
    await layControlPlane(this.#context, node);
    await awaitServer(this.#context, node, PRODUCT_VERSION);
  }

  async #snapshot(host: Host): Promise<void> {
    const known = await this.#snapshotOf(host);
    const startedAt = this.#upgrade?.startedAt;
    // That of before an interruption stands: since then the store may have another layout.
    if (known?.startedAt === startedAt) return;
    const snapshot = await takeSnapshot(host, `before-${PRODUCT_VERSION}`);
    await host.writeFile(SNAPSHOT_RECORD, `${JSON.stringify({ ...snapshot, to: PRODUCT_VERSION, startedAt })}\n`, { mode: 0o600 });
  }

  async #snapshotOf(host: Host): Promise<(Snapshot & { startedAt?: string }) | undefined> {
    const record = (await host.readFile(SNAPSHOT_RECORD))?.toString();
    return record ? (JSON.parse(record) as Snapshot & { startedAt?: string }) : undefined;
  }

  async #keep(node: NodeSpec): Promise<void> {
    if (this.#kept.has(node.name)) return;
    const { from, startedAt } = this.#upgrade as UpgradeState;
    await keepBefore(hostOf(this.#context, node), from, { id: startedAt });
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
    await awaitAgent(this.#context, node, PRODUCT_VERSION);
    await this.#uncordon(client, [node.name]);
  }

  async #takeBack(
    found: readonly NodeVersions[],
    version: string,
    store: { snapshots: ReadonlyMap<string, Snapshot>; always: boolean },
  ): Promise<void> {
    const versions = found.toSorted((a, b) => Number(a.controlPlane) - Number(b.controlPlane));
    const agents = versions.map(({ name }) => this.#named(name));
    await step(this.#push, { name: 'roll-back', title: `Putting ${version} back` }, async () => {
      for (const { name, controlPlane, agent, laid } of versions) {
        const node = this.#named(name);
        const host = hostOf(this.#context, node);
        const isKept = (await versionBefore(host)) === version;
        if (isKept) await putBack(host);
        if (controlPlane && (isKept || store.always))
          await this.#serverBack(node, version, { snapshot: store.snapshots.get(name), always: store.always });
        if (!isKept) continue;
        // Also one whose files were put back by a run that was killed before it could restart it.
        if (controlPlane || laid !== version || agent !== version) await host.services.restart(SERVICES.agent);
      }
      for (const node of agents) await awaitAgent(this.#context, node, version);
      await this.#uncordon(requireClient(this.#context), this.#upgrade?.cordoned ?? []);
    });
  }

  /** By control plane: what its store can be put back to, and with `always` will be: verified then, before anything is stopped. */
  async #snapshots(nodes: readonly NodeVersions[], always: boolean): Promise<Map<string, Snapshot>> {
    const found = new Map<string, Snapshot>();
    for (const { name } of nodes.filter(({ controlPlane }) => controlPlane)) {
      const host = hostOf(this.#context, this.#named(name));
      // A record that cannot be read keeps nobody from going back without it.
      const reading = this.#snapshotOf(host).catch((error: unknown) => {
        if (always) throw error;
        return undefined;
      });
      const [last, kept] = await Promise.all([reading, backupId(host)]);
      // That of another upgrade than the one that is taken back is older than what would be lost.
      const snapshot = last?.startedAt === kept ? last : undefined;
      if (always && !snapshot)
        throw new SlipwayError('STORE_CORRUPT', {
          tried: `put the store of ${host.name} back to what it was`,
          cause: 'it has no snapshot: there was no upgrade, or it did not come so far',
          advice: [`slipway upgrade ${this.#context.spec.name} --rollback   # without --restore-store: the store stays as it is`],
        });
      if (snapshot && always) await verifySnapshot(host, snapshot);
      if (snapshot) found.set(name, snapshot);
    }
    return found;
  }

  #named(name: string): NodeSpec {
    return this.#context.spec.nodes.find((node) => node.name === name) as NodeSpec;
  }

  async #serverBack(node: NodeSpec, version: string, store: { snapshot: Snapshot | undefined; always: boolean }): Promise<void> {
    const host = hostOf(this.#context, node);
    await host.services.stop(SERVICES.server);
    if (store.snapshot && (await restoreSnapshot(host, store.snapshot, store)))
      this.#push({ type: 'warning', message: 'The store is as it was before the upgrade.' });
    await host.services.restart(SERVICES.server);
    await awaitServer(this.#context, node, version);
  }

  async #uncordon(client: Client, names: readonly string[]): Promise<void> {
    for (const name of names)
      if (this.#upgrade?.cordoned.includes(name))
        await client.patch(nodeKind, { name }, { spec: { unschedulable: null } }, { type: 'application/merge-patch+json' });
    await this.#remember({ cordoned: (this.#upgrade?.cordoned ?? []).filter((name) => !names.includes(name)) });
  }

  async #begin(upgrade: UpgradeState): Promise<void> {
    const known = this.#context.state.upgrade;
    this.#upgrade = known ? { ...upgrade, startedAt: known.startedAt, cordoned: known.cordoned } : upgrade;
    await this.#save();
  }

  async #remember(change: Partial<UpgradeState>): Promise<void> {
    if (!this.#upgrade) return;
    this.#upgrade = { ...this.#upgrade, ...change };
    await this.#save();
  }

  async #save(): Promise<void> {
    await this.#write({ ...this.#context.state, upgrade: this.#upgrade });
  }

  async #end(version: string): Promise<void> {
    const { upgrade: _, ...rest } = this.#context.state;
    this.#upgrade = undefined;
    await this.#write({ ...rest, programVersion: version });
  }

  /** Over what the steps have saved meanwhile, such as the way to the API. */
  async #write(state: ClusterState): Promise<void> {
    this.#context.state = state;
    await this.#context.folder.write(state);
  }

  #detail(name: string): (detail: string) => void {
    return (detail) => this.#push({ type: 'step-detail', step: name, detail });
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Beside the snapshot: what a roll-back needs to know of it. */
const SNAPSHOT_RECORD = `${NODE_PATHS.data}/snapshots/last.json`;
