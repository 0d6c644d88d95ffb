import { node as nodes } from '../../api/core/node.ts';
import type { Stored } from '../../api/meta/object.ts';
import type { Node } from '../../api/types/core-v1.ts';
import { createReadOnlyHost, type HostDifference } from '../../hosts/read-only-host.ts';
import { type ClusterContext, clusterContext, controlPlanes } from '../cluster-context.ts';
import type { ClusterDrivers } from '../cluster-drivers.ts';
import { markPatch } from '../node-marks.ts';
import { openClient } from '../open-client.ts';
import { knownOverlay } from '../pod-network.ts';
import { runSteps } from '../run-steps.ts';
import type { ClusterSpec } from '../spec/cluster-spec.ts';
import type { ClusterState } from '../state/cluster-state.ts';
import { demoDifferences } from '../steps/demo.ts';
import { STEPS } from '../steps/index.ts';
import { manifestDifferences } from '../steps/manifests.ts';
import { type PlanOptions, reasonOf } from './make-plan.ts';
import type { PlannedChange } from './plan.ts';
import { ReadOnlyStateFolder } from './read-only-folder.ts';

interface Compared {
  changes: PlannedChange[];
  warnings: string[];
}

interface CompareOptions {
  known: ClusterState;
  spec: ClusterSpec;
  drivers: ClusterDrivers;
  options: PlanOptions;
}

/** What is on the nodes that run, and in the API, against what is to be there: the steps of `up` themselves, on hosts that only record. */
export const compareCluster = async ({ known, spec, drivers, options }: CompareOptions): Promise<Compared> => {
  const running = new Map(
    (await drivers.list()).filter(({ machine }) => machine.state === 'running').map((found) => [found.machine.name, found]),
  );
  const there = spec.nodes.filter((node) => running.has(node.name));
  if (!controlPlanes(spec).every((node) => running.has(node.name)))
    return { changes: [], warnings: there.length ? ['the control plane is off: files, services and objects are not compared'] : [] };
  const found: Compared = { changes: [], warnings: [] };
  const context = clusterContext({
    spec: { ...spec, nodes: there },
    folder: new ReadOnlyStateFolder(spec.name, ({ name, exists }) =>
      found.changes.push({ action: exists ? 'change' : 'create', kind: 'client file', name }),
    ),
    state: known,
    drivers,
    signal: options.signal,
    options: { ...options, yes: true },
  });
  try {
    options.report?.(`Connecting to ${there.map((node) => node.name).join(', ')}`);
    const connected = await Promise.allSettled(
      there.map(async (node) => {
        const machine = running.get(node.name);
        if (!machine) return;
        const host = await machine.driver.connect(machine.machine);
        context.close.push(() => host.close());
        context.machines.set(node.name, machine.machine);
        context.hosts.set(node.name, await createReadOnlyHost(host, (difference) => found.changes.push(changeOf(difference, node.name))));
      }),
    );
    for (const outcome of connected) if (outcome.status === 'rejected') throw outcome.reason;
    // Of agents' configuration: what `up` would decide, as far as it can be said by who changes nothing.
    context.state = { ...known, overlay: (await knownOverlay({ ...context, spec })) ?? known.overlay };
    await runPlannable(context, found, options);
    options.report?.('Comparing what the API has');
    await compareApi(context, found);
  } finally {
    await Promise.all(context.close.map((end) => end().catch(() => {})));
  }
  return found;
};

const changeOf = ({ kind, name, action }: HostDifference, node: string): PlannedChange => ({
  action,
  kind,
  name,
  node,
  ...(kind === 'service' ? { detail: action === 'start' ? 'started' : 'restarted' } : {}),
});

const runPlannable = async (context: ClusterContext, found: Compared, { report }: PlanOptions): Promise<void> => {
  const steps = STEPS.filter((step) => step.plannable);
  const stopper = new AbortController();
  await runSteps(steps, context, {
    push: (event) => {
      if (event.type === 'step-started') report?.(`Comparing: ${event.title}`);
      if (event.type === 'step-failed') found.warnings.push(`${event.step} cannot be compared: ${event.reason}`);
    },
    interrupted: context.signal,
    stop: (reason) => stopper.abort(reason),
    // Nothing was made that could be taken back.
    keep: true,
  }).catch((error: unknown) => {
    // Told as a warning above; an interruption is the caller's.
    if (context.signal.aborted) throw error;
  });
};

/** Roles, labels and taints of nodes, the demo, manifests: what only the API knows. */
const compareApi = async (context: ClusterContext, found: Compared): Promise<void> => {
  const { client, close } = await openClient(context.folder).catch(() => ({ client: undefined, close: async () => {} }));
  if (!client) return;
  context.client = client;
  try {
    const { items } = await client.list<Stored<Node>>(nodes, { signal: AbortSignal.timeout(5000) });
    for (const node of context.spec.nodes) {
      const object = items.find((item) => item.metadata.name === node.name);
      if (!object) found.changes.push({ action: 'create', kind: 'node', name: node.name, detail: 'registers itself' });
      else if (markPatch(context.spec, node, object))
        found.changes.push({ action: 'change', kind: 'node', name: node.name, detail: 'labels, taints or roles' });
    }
    if (context.options.demo) found.changes.push(...(await demoDifferences(client)));
    found.changes.push(...(await manifestDifferences(context)));
  } catch (error) {
    found.warnings.push(`the API cannot be compared: ${reasonOf(error)}`);
  } finally {
    await close();
  }
};
