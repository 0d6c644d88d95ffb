import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { PRODUCT_VERSION } from '../../base/product.ts';
import type { ProgressEvent } from '../../base/progress.ts';
import type { Requirement } from '../../drivers/driver.ts';
import { contextName } from '../admin-access.ts';
import { openBundle } from '../bundle/open-bundle.ts';
import { type ClusterContext, clusterContext, type UpOptions } from '../cluster-context.ts';
import { openDrivers } from '../cluster-drivers.ts';
import { checkNewNodes } from '../file/check-new-nodes.ts';
import { type FileOutcome, wishedSpec } from '../file/spec-of-file.ts';
import { followCluster } from '../follow-cluster.ts';
import { newNodesOf, refuseForeign } from '../refuse-foreign.ts';
import { runSteps } from '../run-steps.ts';
import type { ClusterSpec, ClusterWishes, NodeSpec } from '../spec/cluster-spec.ts';
import { openJournal } from '../state/cluster-journal.ts';
import { type ClusterState, ClusterStateFolder, slipwayDataDir } from '../state/cluster-state.ts';
import { refuseElsewhere } from '../state/journalled-settings.ts';
import { FIRST_STEPS, STEPS } from '../steps/index.ts';
import { serverForClients } from '../steps/kubeconfig.ts';
import { type Job, startJob } from './job.ts';
import { takeNodeOut } from './remove-node.ts';

export interface UpResult {
  cluster: string;
  changed: boolean;
  context: string;
  server: string;
  /** Hosts by way of which the API is reached: kubectl and others need `slipway tunnel`. */
  through?: readonly string[];
  nodes: { name: string; address: string }[];
  milliseconds: number;
  /** What of a file the command line overrode. */
  overrides?: readonly string[];
}

export interface UpJobOptions {
  signal: AbortSignal;
  /** Nodes that the file has no more are drained and removed; else they stay, with a warning. */
  prune?: boolean;
  /** Machines are started and waited for; their programs stay what they are, also those of another version. */
  onlyStart?: boolean;
  /** Said first: what of a file the command line overrides. */
  notes?: readonly string[];
}

/**
 * Makes a cluster, or brings one that exists to what is wished. Its state is saved before the first machine is made, so that after a
 * crash `up` goes on and `down` removes everything.
 */
export const up = (wishes: ClusterWishes, options: UpOptions & UpJobOptions): Job<UpResult> =>
  startJob(async (push) => {
    const startedAt = Date.now();
    for (const message of options.notes ?? []) push({ type: 'note', message });
    const folder = new ClusterStateFolder(wishes.name);
    // What is wrong with a state that cannot be read is told below.
    await followCluster(wishes.name).catch(() => undefined);
    // A name that is not known leaves no lock behind.
    if (wishes.added) await folder.require();
    const unlock = folder.lock();
    const stopper = new AbortController();
    const interrupted = options.timeoutMs ? AbortSignal.any([options.signal, AbortSignal.timeout(options.timeoutMs)]) : options.signal;
    const close: (() => Promise<void>)[] = [];
    let isBegun = false;
    try {
      // Read and checked before anything is made.
      const bundle = options.bundle === undefined ? undefined : await openBundle(options.bundle, interrupted);
      if (bundle) close.push(bundle.dispose);
      const known = wishes.added ? await folder.require() : await folder.read();
      const outcome = wishedSpec(wishes, known?.spec);
      const { spec } = outcome;
      // Nodes that the file has no more stay known, and are not touched (they may be dead) until all else is done.
      const savedSpec = { ...spec, nodes: [...spec.nodes, ...outcome.removed] };
      await refuseElsewhere(spec, openJournal(folder.path));
      await checkNewNodes(wishes, spec, known?.spec);
      for (const message of warningsOf(outcome, { prune: options.prune ?? false })) push({ type: 'warning', message });
      const dataDir = known?.dataDir ?? slipwayDataDir();
      const drivers = openDrivers(savedSpec, {
        folder,
        dataDir,
        requirements: requirementsFor(options),
        sudoPassword: options.sudoPassword,
      });
      if (known) requireSameVersion(known, options.onlyStart ?? false);
      // What an interrupted run had begun is finished, or taken back, as a whole.
      const isNew = !known || known.phase === 'creating';
      const state = stateOf(savedSpec, { known, isNew, dataDir });
      const context = clusterContext({
        spec,
        folder,
        state,
        drivers,
        signal: AbortSignal.any([interrupted, stopper.signal]),
        options,
        isNew,
        // Also those that an interrupted run was to make and the file has no more.
        newNodes: newNodesOf(savedSpec.nodes, known),
        bundle,
        close,
      });
      const running = { push, interrupted, stop: (reason: unknown) => stopper.abort(reason) };
      // A driver that lacks its programs cannot be asked whose machines there are.
      const prepared = await runSteps(FIRST_STEPS, context, { ...running, keep: false });
      await refuseForeign({ spec, drivers, folder, known });
      await folder.write(state);
      isBegun = true;
      let isKept = options.keep;
      const made = await runSteps(stepsOf(known, options), context, {
        ...running,
        keep: options.keep,
        // The state is what `down` and the next `up` go by.
        remains: () => {
          isKept = true;
        },
      }).catch(async (error: unknown) => {
        if (!isKept)
          await takeStateBack(context, known).then(
            (remains) => {
              isKept = remains;
            },
            // The first failure is the one to be told; on a full disk this one follows from it.
            (failure: unknown) => push({ type: 'warning', message: failure instanceof Error ? failure.message : String(failure) }),
          );
        throw withNextCommand(error, spec.name, { isKept, wasWished: options.keep, command: options.command });
      });
      context.state = { ...context.state, phase: 'ready' };
      await folder.write(context.state);
      if (options.prune && outcome.removed.length) await prune({ context, removed: outcome.removed, push });
      return {
        cluster: spec.name,
        changed: prepared.changed || made.changed || Boolean(options.prune && outcome.removed.length),
        context: contextName(spec.name),
        server: serverForClients(context).server,
        ...(context.tunnel ? { through: context.tunnel.through } : {}),
        nodes: context.state.spec.nodes.map((node) => ({ name: node.name, address: context.state.addresses[node.name] ?? '' })),
        milliseconds: Date.now() - startedAt,
        ...(options.notes?.length ? { overrides: options.notes } : {}),
      };
    } finally {
      await Promise.all(close.map((end) => end().catch(() => {})));
      // What was refused leaves no folder; one with a journal is of a cluster whose state is lost.
      if (!isBegun && !(await folder.isBegun())) await folder.remove().catch(() => {});
      unlock();
    }
  });

/** As it is saved while the steps run. */
const stateOf = (
  spec: ClusterSpec,
  { known, isNew, dataDir }: { known: ClusterState | undefined; isNew: boolean; dataDir: string },
): ClusterState => ({
  version: 2,
  spec,
  phase: isNew ? 'creating' : (known?.phase ?? 'creating'),
  createdAt: known?.createdAt ?? new Date().toISOString(),
  dataDir,
  addresses: known?.addresses ?? {},
  ...(known?.overlay ? { overlay: known.overlay } : {}),
  ...(known?.tunnelPort ? { tunnelPort: known.tunnelPort } : {}),
  programVersion: known?.programVersion ?? (isNew ? PRODUCT_VERSION : undefined),
  ...(known?.upgrade ? { upgrade: known.upgrade } : {}),
});

/**
 * Of a cluster that is new nothing stays, unless the journal names what was not taken back: then the state does, by which `down` goes, and the
 * answer is true. Another is what it was, with what was learned of it meanwhile.
 */
const takeStateBack = async ({ folder, state, isNew, newNodes }: ClusterContext, known: ClusterState | undefined): Promise<boolean> => {
  if (known && !isNew) {
    const addresses = Object.fromEntries(Object.entries(state.addresses).filter(([name]) => !newNodes.includes(name)));
    await folder.write({ ...state, spec: known.spec, addresses });
    return false;
  }
  if ((await openJournal(folder.path).entries()).length) return true;
  await folder.remove();
  return false;
};

/** Those after the first. */
const stepsOf = (known: ClusterState | undefined, { onlyStart }: UpJobOptions): typeof STEPS => {
  const steps = STEPS.slice(FIRST_STEPS.length);
  return onlyStart && known?.programVersion !== PRODUCT_VERSION ? steps.filter(isForStart) : steps;
};

/** Steps that lay down no programs and nothing that only programs of this version understand. */
const isForStart = ({ name }: { name: string }): boolean =>
  !['programs', 'container-runtime', 'control-plane', 'agents', 'images', 'later-images', 'demo', 'demo-answers'].includes(name);

/** Another version of the programs is brought by an upgrade, one node after the other, and never by the way. */
const requireSameVersion = ({ spec, programVersion, upgrade }: ClusterState, onlyStart: boolean): void => {
  const { name } = spec;
  if (onlyStart || (!upgrade && (programVersion === undefined || programVersion === PRODUCT_VERSION))) return;
  throw new SlipwayError('VERSION_SKEW', {
    tried: `change the cluster ${name}`,
    cause: upgrade
      ? `its upgrade from ${upgrade.from} to ${upgrade.to} has not ended`
      : `its programs are of version ${programVersion}, and this is ${PRODUCT_VERSION}`,
    advice: upgrade ? [`slipway upgrade ${name}`, `slipway upgrade ${name} --rollback`] : [`slipway upgrade ${name}`],
  });
};

/** Names of the nodes that `prune` would remove. Throws what `up` throws for wishes that cannot be. */
export const nodesToPrune = async (wishes: ClusterWishes): Promise<string[]> => {
  const known = await new ClusterStateFolder(wishes.name).read();
  return wishedSpec(wishes, known?.spec).removed.map((node) => node.name);
};

/** One node after the other, so that the pods of each find a place on the others. */
const prune = async ({
  context,
  removed,
  push,
}: {
  context: ClusterContext;
  removed: readonly NodeSpec[];
  push: (event: ProgressEvent) => void;
}): Promise<void> => {
  const { folder, drivers, signal } = context;
  for (const node of removed) {
    // Pods on a machine that is off cannot end: draining it would wait in vain.
    const isOff = (await drivers.describe(node))?.state !== 'running';
    if (isOff) push({ type: 'warning', message: `${node.name} is off: it is removed without being drained` });
    context.state = await takeNodeOut({ folder, state: context.state, drivers }, node, { force: isOff, signal, push });
  }
};

/** What a file says that this run leaves as it is. */
const warningsOf = ({ spec, removed, differing }: FileOutcome, { prune }: { prune: boolean }): string[] => [
  ...(removed.length && !prune
    ? [
        `${removed.map((node) => node.name).join(', ')} ${removed.length === 1 ? 'is' : 'are'} not in the file and left: --prune removes what the file has no more`,
      ]
    : []),
  ...differing.map(
    ({ node, key, now, wanted }) =>
      `${node} has ${key} ${now}, and the file ${wanted}: that takes a new machine (slipway node remove ${node} --cluster ${spec.name}, then up again)`,
  ),
];

/** The demo's programs come from a static busybox of this computer. */
export const requirementsFor = ({ demo }: { demo: boolean }): readonly Requirement[] =>
  demo ? [{ needs: '/bin/busybox', package: 'busybox-static' }] : [];

const withNextCommand = (
  error: unknown,
  cluster: string,
  { isKept, wasWished, command }: { isKept: boolean; wasWished: boolean; command: string | undefined },
): unknown => {
  if (!(error instanceof SlipwayError)) return error;
  const own = error.advice.filter((line) => !line.includes('--keep'));
  if (isKept && !wasWished)
    return error.with({
      advice: [...own, `slipway down ${cluster}   # removes what could not be taken back`, `slipway up ${cluster}   # goes on`],
    });
  // Other commands than `up` keep nothing.
  if (error.code !== 'STEP_FAILED' || (command && !isKept)) return error;
  return error.with({
    advice: isKept
      ? [...own, `slipway up ${cluster}`, `slipway down ${cluster}`]
      : [`slipway up ${cluster} --keep   # with the same flags; leaves what was made, to look at`, ...own],
  });
};
